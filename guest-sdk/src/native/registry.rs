//! The steps that a host can run, by name.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::native::arguments::{Arguments, written};
use crate::native::policy::StepPolicy;
use crate::step::StepError;

/// One attempt: takes the input as JSON, gives the output as JSON.
pub type StepBody =
    Arc<dyn Fn(String) -> BoxFuture<'static, Result<String, StepError>> + Send + Sync>;

/// A step with its body.
#[derive(Clone)]
pub struct Step {
    /// The name by which workflows call it.
    pub name: Cow<'static, str>,
    /// How its attempts are treated.
    pub policy: StepPolicy,
    /// One attempt. An input that does not fit the parameters is a fatal error that names the
    /// parameter.
    pub body: StepBody,
}

impl Step {
    /// A step that reads its input and writes its output itself.
    pub fn new<F>(
        name: impl Into<Cow<'static, str>>,
        policy: StepPolicy,
        body: impl Fn(String) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<String, StepError>> + Send + 'static,
    {
        Self { name: name.into(), policy, body: Arc::new(move |input| Box::pin(body(input))) }
    }

    /// A step with one parameter, as a function with `#[step]` would be.
    pub fn from_fn<I, O, F>(
        name: impl Into<Cow<'static, str>>,
        parameter: &'static str,
        policy: StepPolicy,
        body: impl Fn(I) -> F + Send + Sync + 'static,
    ) -> Self
    where
        I: DeserializeOwned + Send + 'static,
        O: Serialize + DeserializeOwned,
        F: Future<Output = Result<O, StepError>> + Send + 'static,
    {
        let body = Arc::new(body);
        Self::new(name, policy, move |input| {
            let body = Arc::clone(&body);
            async move {
                let argument = Arguments::read(&input)?.take(parameter)?;
                written(body(argument).await)
            }
        })
    }

    /// Makes one attempt. The caller says which attempt it is, with
    /// [`StepContext::scope`](crate::StepContext::scope).
    #[must_use]
    pub fn run(&self, input: String) -> BoxFuture<'static, Result<String, StepError>> {
        (self.body)(input)
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Step")
            .field("name", &self.name)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// Two steps have the same name, so a call of it would be ambiguous.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("two steps have the name `{name}`: give one of them another with `#[step(name = \"…\")]`")]
pub struct DuplicateStep {
    /// The name.
    pub name: String,
}

/// The steps of one or more crates, in the order in which they were listed.
#[derive(Clone, Debug, Default)]
pub struct Steps(Vec<Step>);

impl Steps {
    /// No steps.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// These steps and one more.
    #[must_use]
    pub fn with(mut self, step: Step) -> Self {
        self.0.push(step);
        self
    }

    /// Adds the steps of another crate.
    pub fn extend(&mut self, steps: Self) {
        self.0.extend(steps.0);
    }

    /// The step of a name; the first, if there are two.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Step> {
        self.iter().find(|step| step.name == name)
    }

    /// The steps, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Step> {
        self.0.iter()
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|step| &*step.name)
    }

    /// How many steps there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// That each name stands for one step. A host asks before it starts.
    ///
    /// # Errors
    ///
    /// Names the first name that occurs twice.
    pub fn check(&self) -> Result<(), DuplicateStep> {
        let mut names: Vec<_> = self.names().collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            None => Ok(()),
            Some(pair) => Err(DuplicateStep { name: pair[0].to_owned() }),
        }
    }
}

impl<'a> IntoIterator for &'a Steps {
    type Item = &'a Step;
    type IntoIter = std::slice::Iter<'a, Step>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
