//! Between JSON and the parameters of a step's body.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::step::StepError;

/// The arguments of one call. Used by the code that `#[step]` writes.
pub struct Arguments(BTreeMap<String, Box<RawValue>>);

impl Arguments {
    /// Reads a step's input.
    ///
    /// # Errors
    ///
    /// A fatal one, when the input is not a JSON object.
    pub fn read(input: &str) -> Result<Self, StepError> {
        match serde_json::from_str(input) {
            Ok(members) => Ok(Self(members)),
            Err(error) => Err(StepError::fatal(format!(
                "the input of a step is a JSON object with one member for each parameter: {error}"
            ))),
        }
    }

    /// The argument of a parameter. One that is missing counts as `null`, so that a parameter of
    /// type `Option` can be added while runs are in flight.
    ///
    /// # Errors
    ///
    /// A fatal one that names the parameter, when the argument is not a `T`.
    pub fn take<T: DeserializeOwned>(&mut self, parameter: &str) -> Result<T, StepError> {
        match self.0.remove(parameter) {
            Some(json) => serde_json::from_str(json.get()).map_err(|error| {
                StepError::fatal(format!(
                    "the argument does not fit the parameter `{parameter}`: {error}"
                ))
            }),
            None => serde_json::from_str("null")
                .map_err(|_| StepError::fatal(format!("the argument `{parameter}` is missing"))),
        }
    }
}

/// The output of a body, as JSON. It is read back once: what cannot be, the workflow could not read
/// either, and then the step has not succeeded. JSON has no NaN, for example; it becomes `null`.
///
/// # Errors
///
/// The error of the body; a fatal one when the output cannot be written as JSON, or not be read
/// back.
pub fn written<T, E>(result: Result<T, E>) -> Result<String, StepError>
where
    T: Serialize + DeserializeOwned,
    E: Into<StepError>,
{
    let output = result.map_err(Into::into)?;
    let json = serde_json::to_string(&output).map_err(|error| {
        StepError::fatal(format!("the output cannot be written as JSON: {error}"))
    })?;
    match serde_json::from_str::<T>(&json) {
        Ok(_same) => Ok(json),
        Err(error) => Err(StepError::fatal(format!(
            "the output cannot be read back from JSON, which has no NaN and no infinity: {error}"
        ))),
    }
}
