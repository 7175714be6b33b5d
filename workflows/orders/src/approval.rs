//! Approval: somebody decides, or three days are over.

use futures::future::{Either, select};
use segno::{Error, Hook, sleep};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::model::Order;

/// How long somebody may take to decide.
const TIME: &str = "3 days";

/// What is sent to the hook `approval-` and the number of the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Who decides.
    pub by: String,
    /// What.
    pub approved: bool,
}

/// What became of the question.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Approval {
    Approved,
    /// By somebody; by nobody, where the time was over first.
    Declined {
        by: Option<String>,
    },
}

/// Asks for a decision, and waits for it. The first one counts.
pub(crate) async fn ask(order: &Order) -> Result<Approval, Error> {
    let about = json!({ "order": order.number, "cents": order.cents() });
    let token = format!("approval-{}", order.number);
    let hook = Hook::<Decision>::builder().metadata(about).open(token).await?.scoped();
    Ok(match select(hook.next(), sleep(TIME)).await {
        Either::Left((decision, _)) => Approval::from(decision),
        Either::Right(_) => Approval::from(None),
    })
}

impl From<Option<Decision>> for Approval {
    fn from(decision: Option<Decision>) -> Self {
        match decision {
            Some(Decision { approved: true, .. }) => Self::Approved,
            Some(Decision { by, .. }) => Self::Declined { by: Some(by) },
            None => Self::Declined { by: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_approves_is_declined() {
        let decision = |approved| Some(Decision { by: "ada".to_owned(), approved });
        assert_eq!(Approval::from(decision(true)), Approval::Approved);
        let by = Some("ada".to_owned());
        assert_eq!(Approval::from(decision(false)), Approval::Declined { by });
        assert_eq!(Approval::from(None), Approval::Declined { by: None });
    }
}
