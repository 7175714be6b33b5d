//! What the world makes of the answers of the host.

use segno_host::engine::Reply;

use crate::simulation::asked::{Answer, Waiting};
use crate::simulation::life::Life;
use crate::simulation::talk;

impl Life<'_> {
    /// Looks at what was answered, and whether it is so.
    pub(crate) fn look_at_answers(&mut self) {
        let host = self.host.as_ref().expect("a life has a host");
        let witness = &mut self.witness;
        let waiting = &mut self.waiting;
        let tell = &mut self.tell;
        self.asked.retain_mut(|call| match call.answer() {
            Answer::None => true,
            Answer::Done => false,
            Answer::Deployed(deployed) => {
                witness.editions.deployed(&deployed);
                false
            }
            Answer::Started(run, key, since, said) => {
                tell(&format!("{run} is started"));
                said.inspect(|said| witness.talk.acknowledged(run, None, said));
                since.inspect(|since| witness.editions.started(run, *since));
                witness.started(run, key.as_deref(), &host.store);
                false
            }
            Answer::Batched(batched, sent) => {
                tell(&format!("batch {} is answered: {batched:?}", sent.key));
                for (start, begins) in batched.starts.iter().zip(&sent.starts) {
                    let said = begins.said.as_deref();
                    said.inspect(|said| witness.talk.acknowledged(start.run_id, None, said));
                    if start.created {
                        witness.editions.started(start.run_id, sent.since);
                    }
                    witness.started(start.run_id, begins.key.as_deref(), &host.store);
                }
                let signals = sent.signals.iter();
                signals.for_each(|(run, said)| witness.talk.acknowledged(*run, None, said));
                false
            }
            Answer::Signalled(reply, run, payload) => {
                tell(&format!("signal {payload} is answered: {reply:?}"));
                talk::look_at_reply(&reply, &payload);
                witness.talk.acknowledged(run, None, &payload);
                if let Reply::Later(answer, _place) = reply {
                    waiting.push(Waiting { answer, text: payload });
                }
                false
            }
            Answer::Received(run, op, payload) => {
                tell(&format!("a hook of {run} received {payload}"));
                witness.talk.acknowledged(run, Some(op), &payload);
                false
            }
            Answer::Unknown(token) => {
                witness.unknown(&token, &host.store);
                false
            }
            Answer::Replied(reply, token, text) => {
                tell(&format!("{text} is answered: {reply:?}"));
                witness.answered(&token, &text, &reply, &host.store);
                if let Reply::Later(answer, _place) = reply {
                    waiting.push(Waiting { answer, text });
                }
                false
            }
        });
        waiting.retain_mut(|waiting| !waiting.is_over());
    }
}
