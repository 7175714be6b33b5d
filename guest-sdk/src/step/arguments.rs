//! The input of a step on the wire: a JSON object, one member a parameter, in their order.

use serde::Serialize;

use crate::step::failure::StepFailure;

/// How large the input of a step may be, in bytes: as large as what hosts take. It is checked here,
/// so that the workflow gets a failure which it can handle, and the same one at each replay; what a
/// host refuses by itself blocks the run.
const MAX_INPUT: usize = 4 << 20;

/// An input under construction. Used by the code that `#[step]` writes.
#[derive(Default)]
pub struct Input {
    members: String,
    trouble: Option<String>,
}

impl Input {
    /// No arguments yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One more argument. The first that cannot be written is remembered; the call fails with it.
    #[must_use]
    pub fn with<T: Serialize + ?Sized>(mut self, name: &str, value: &T) -> Self {
        match serde_json::to_string(value) {
            Ok(json) => {
                if !self.members.is_empty() {
                    self.members.push(',');
                }
                // A parameter's name is an identifier, so it needs no escape.
                self.members.extend(["\"", name, "\":", &json]);
            }
            Err(error) => {
                self.trouble.get_or_insert_with(|| {
                    format!("the argument `{name}` cannot be written as JSON: {error}")
                });
            }
        }
        self
    }

    /// The whole object, or the failure of the call.
    pub(crate) fn finish(self, step: &str) -> Result<String, StepFailure> {
        if let Some(trouble) = self.trouble {
            return Err(StepFailure::before_any_attempt(step, trouble));
        }
        let size = self.members.len() + "{}".len();
        if size > MAX_INPUT {
            let message = format!(
                "its input has {size} bytes, but at most {MAX_INPUT} are allowed; store it and pass where it is"
            );
            return Err(StepFailure::before_any_attempt(step, message));
        }
        Ok(["{", &self.members, "}"].concat())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Input, MAX_INPUT};

    #[test]
    fn arguments_stand_in_the_order_of_the_parameters() {
        let input = Input::new().with("z", &1).with("a", "two").with("list", &[Some(1), None]);
        assert_eq!(input.finish("x").unwrap(), r#"{"z":1,"a":"two","list":[1,null]}"#);
        assert_eq!(Input::new().finish("x").unwrap(), "{}");
    }

    #[test]
    fn an_input_may_be_as_large_as_the_limit_and_no_larger() {
        let of = |size: usize| {
            Input::new().with("a", &"x".repeat(size - r#"{"a":""}"#.len())).finish("keep")
        };
        assert_eq!(of(MAX_INPUT).unwrap().len(), MAX_INPUT);
        let failure = of(MAX_INPUT + 1).unwrap_err();
        assert_eq!((failure.attempts, failure.fatal), (0, true));
        assert_eq!(
            failure.to_string(),
            "step `keep` failed: its input has 4194305 bytes, but at most 4194304 are allowed; store it and pass \
             where it is"
        );
    }

    #[test]
    fn an_argument_that_is_no_json_fails_the_call_and_not_the_workflow() {
        let pairs = BTreeMap::from([((1, 2), 3)]);
        let failure = Input::new().with("pairs", &pairs).finish("sum").unwrap_err();
        assert_eq!(failure.attempts, 0);
        assert!(failure.fatal);
        assert!(failure.to_string().starts_with(
            "step `sum` failed: the argument `pairs` cannot be written as JSON: key must be"
        ));
    }
}
