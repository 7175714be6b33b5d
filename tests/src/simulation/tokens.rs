//! The tokens of webhooks: no two of these share one.

use std::collections::BTreeMap;

use segno_journal::{Answer, Command, Op, RunId, Turn};

/// Takes note of the tokens that a turn opens: no two webhooks share one.
pub(crate) fn look_at_tokens(
    tokens: &mut BTreeMap<String, (RunId, Op, bool)>,
    run: RunId,
    opened: u64,
    turn: &Turn,
) {
    let operations = turn.commands.iter().filter(|command| command.starts_operation());
    for (op, command) in (opened..).zip(operations) {
        if let Command::Webhook { token, answer, .. } = command {
            let before = tokens.insert(token.clone(), (run, Op(op), *answer == Answer::Manual));
            assert!(before.is_none(), "two webhooks have the token {token}");
        }
    }
}
