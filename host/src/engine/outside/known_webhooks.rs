//! Where the tokens of webhooks lead, as far as it is remembered: whoever calls soon after its webhook was
//! made, or calls again, costs no look into the store.

use hashlink::LruCache;
use parking_lot::Mutex;
use segno_journal::{RunId, Turn};

use crate::store::WebhookRecord;

/// How many tokens are remembered, of all runs: some two megabytes. Those that were not asked for the
/// longest make room for others, which the store is asked for.
const REMEMBERED: usize = 16_384;

/// Tokens of webhooks that were made or called lately. Only tokens that there are come in here, so a
/// stranger moves nobody out. A token stays when its webhook is over: its run has the last word.
pub(crate) struct KnownWebhooks(Mutex<LruCache<Box<str>, WebhookRecord>>);

impl Default for KnownWebhooks {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(REMEMBERED)))
    }
}

impl KnownWebhooks {
    /// Where a token leads, if that is remembered.
    pub(crate) fn get(&self, token: &str) -> Option<WebhookRecord> {
        self.0.lock().get(token).copied()
    }

    /// Remembers a webhook that was found in the store.
    pub(crate) fn remember(&self, token: &str, webhook: WebhookRecord) {
        self.0.lock().insert(token.into(), webhook);
    }

    /// Remembers the webhooks that a turn has made.
    pub(super) fn remember_made(&self, run: RunId, turn: &Turn) {
        for (op, command) in turn.operations() {
            if let Some((token, _url)) = command.address() {
                self.remember(token, WebhookRecord::new(run, op));
            }
        }
    }

    /// Forgets a token: its webhook is no more.
    pub(crate) fn forget(&self, token: &str) {
        self.0.lock().remove(token);
    }
}

#[cfg(test)]
mod tests {
    use segno_journal::Op;

    use super::*;

    const RUN: RunId = RunId::from_bytes([7; 16]);

    #[test]
    fn those_that_were_not_asked_for_the_longest_make_room() {
        let known = KnownWebhooks::default();
        let remember = |number: usize| {
            let op = Op(number.try_into().unwrap());
            known.remember(&format!("t{number}"), WebhookRecord::new(RUN, op));
        };
        (0..REMEMBERED).for_each(remember);
        assert_eq!(known.get("t0"), Some(WebhookRecord::new(RUN, Op(0))));
        (REMEMBERED..2 * REMEMBERED - 1).for_each(remember);
        assert!(known.get("t0").is_some(), "it was asked for");
        assert_eq!(known.get("t1"), None);
        assert_eq!(known.0.lock().len(), REMEMBERED);
    }

    #[test]
    fn what_is_forgotten_is_looked_up_again() {
        let known = KnownWebhooks::default();
        known.remember("t", WebhookRecord::new(RUN, Op(1)));
        known.forget("t");
        assert_eq!(known.get("t"), None);
    }
}
