//! The input of a step on the wire: a JSON object, one member a parameter, in their order.

use serde::Serialize;

use crate::StepFailure;

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
        match self.trouble {
            None => Ok(["{", &self.members, "}"].concat()),
            Some(trouble) => Err(StepFailure::before_any_attempt(step, trouble)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::Input;

    #[test]
    fn arguments_stand_in_the_order_of_the_parameters() {
        let input = Input::new().with("z", &1).with("a", "two").with("list", &[Some(1), None]);
        assert_eq!(input.finish("x").unwrap(), r#"{"z":1,"a":"two","list":[1,null]}"#);
        assert_eq!(Input::new().finish("x").unwrap(), "{}");
    }

    #[test]
    fn an_argument_that_is_no_json_fails_the_call_and_not_the_workflow() {
        let pairs = BTreeMap::from([((1, 2), 3)]);
        let failure = Input::new().with("pairs", &pairs).finish("sum").unwrap_err();
        assert_eq!(failure.attempts, 0);
        assert!(failure.fatal);
        assert!(
            failure.to_string().starts_with(
                "step `sum` failed: the argument `pairs` cannot be written as JSON: key must be"
            )
        );
    }
}
