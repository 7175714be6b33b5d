//! Steps as an author writes them, in the native build.

use segno::{StepContext, StepError};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    id: u32,
}

/// A module as authors have it.
#[segno::steps]
mod steps {
    use std::collections::BTreeMap;
    use std::time::Instant;

    use segno::step;

    use super::*;

    type Found<T> = Result<Vec<T>, StepError>;

    /// Finds contacts.
    #[step(max_retries = 5, timeout = "30s", backoff(initial = "2s", factor = 3, jitter = 0))]
    pub async fn find(mut wanted: Vec<u32>, r#type: Option<String>) -> Result<Vec<Contact>, StepError> {
        let begun = Instant::now();
        wanted.sort_unstable();
        let names: BTreeMap<u32, String> = BTreeMap::new();
        let _ = (begun, names, r#type);
        all(wanted)
    }

    fn all(wanted: Vec<u32>) -> Found<Contact> {
        Ok(wanted.into_iter().map(|id| Contact { id }).collect())
    }

    #[step(name = "key-of")]
    pub(crate) async fn key() -> anyhow::Result<String> {
        Ok(StepContext::current().step_id().to_owned())
    }

    #[step]
    pub async fn fails(fatally: bool) -> Result<(), StepError> {
        if fatally {
            return Err(StepError::fatal("there is none"));
        }
        Err(std::io::Error::other("disk full"))?
    }
}

segno::register!(steps::find, steps::key, steps::fails);

#[segno::workflow(name = "the-flow")]
async fn flow(wanted: Vec<u32>) -> Result<usize, segno::Error> {
    Ok(steps::find(wanted, None).await?.len())
}

#[segno::workflow]
pub(crate) async fn flow_without() -> anyhow::Result<()> {
    Ok(())
}

segno::export!(flow, flow_without);

#[tokio::test]
async fn outside_a_host_a_step_is_its_body_run_once() {
    let found = steps::find(vec![2, 1], None).await;
    assert_eq!(found, Ok(vec![Contact { id: 1 }, Contact { id: 2 }]));
    assert_eq!(steps::key().await.as_deref(), Ok("run_detached:0"));
    let failure = steps::fails(true).await.unwrap_err();
    assert_eq!(failure.to_string(), "step `fails` failed: there is none");
    let failure = steps::fails(false).await.unwrap_err();
    assert_eq!(failure.to_string(), "step `fails` failed after 1 attempt: disk full");
}
