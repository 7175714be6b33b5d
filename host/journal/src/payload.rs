//! The payloads of a turn: the values in it that may be large, so that a store can keep them apart.

use std::string::FromUtf8Error;

use crate::{Answer, ChildEnd, Command, Event, Failure, Turn, Verdict};

/// A value in a turn that the run or the world made, and that may be large.
#[derive(Debug)]
pub enum Payload<'a> {
    /// JSON, or the message of an error.
    Text(&'a mut String),
    /// The body of a request or a response.
    Bytes(&'a mut Vec<u8>),
}

impl Payload<'_> {
    /// How long it is, in bytes.
    #[must_use]
    pub const fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }

    /// Takes the value out of the turn, and leaves an empty one.
    #[must_use]
    pub fn take(&mut self) -> Vec<u8> {
        match self {
            Self::Text(text) => std::mem::take(*text).into_bytes(),
            Self::Bytes(bytes) => std::mem::take(*bytes),
        }
    }

    /// Puts a value in its place in the turn.
    ///
    /// # Errors
    ///
    /// Text belongs there, and this is none.
    pub fn put(&mut self, value: Vec<u8>) -> Result<(), FromUtf8Error> {
        match self {
            Self::Text(text) => **text = String::from_utf8(value)?,
            Self::Bytes(bytes) => **bytes = value,
        }
        Ok(())
    }
}

impl Turn {
    /// The payloads of the turn: that of its event, those of its commands in order, that of its
    /// verdict. Each of these has one or none, whatever is in it.
    ///
    /// The position of a payload among them is written to disk, so it is part of the disk format:
    /// an event, a command or a verdict that exists never gets another one.
    pub fn payloads(&mut self) -> impl Iterator<Item = Payload<'_>> {
        let commands = self.commands.iter_mut().filter_map(of_command);
        of_event(&mut self.event).into_iter().chain(commands).chain(of_verdict(&mut self.verdict))
    }
}

const fn of_event(event: &mut Event) -> Option<Payload<'_>> {
    match event {
        Event::Started { input } => Some(Payload::Text(input)),
        Event::StepCompleted { output, .. } => Some(Payload::Text(output)),
        Event::StepFailed { failure, .. } => Some(Payload::Text(&mut failure.message)),
        Event::Requested { request, .. } => Some(Payload::Bytes(&mut request.body)),
        Event::HookReceived { payload, .. } => Some(Payload::Text(payload)),
        Event::Signalled { signal } => Some(Payload::Text(&mut signal.payload)),
        Event::ChildEnded { end: ChildEnd::Completed(text) | ChildEnd::Failed(text), .. } => {
            Some(Payload::Text(text))
        }
        Event::Slept { .. }
        | Event::Cancelled
        | Event::HookOpened { .. }
        | Event::HookTaken { .. }
        | Event::Woken { .. }
        | Event::ChildEnded { end: ChildEnd::Cancelled, .. }
        | Event::Told { .. }
        | Event::NotTold { .. }
        | Event::Cancelling { .. }
        | Event::Expired { .. }
        | Event::Retried { .. }
        | Event::Forked { .. } => None,
    }
}

const fn of_command(command: &mut Command) -> Option<Payload<'_>> {
    match command {
        Command::Step { input, .. } | Command::Child { input, .. } => Some(Payload::Text(input)),
        Command::Publish { value, .. } => Some(Payload::Text(value)),
        Command::Tell { payload, .. } => Some(Payload::Text(payload)),
        Command::Write { chunk, .. } => Some(Payload::Bytes(chunk)),
        Command::Webhook { answer: Answer::Fixed(response), .. }
        | Command::Respond { response, .. } => Some(Payload::Bytes(&mut response.body)),
        Command::Sleep { .. }
        | Command::Webhook { answer: Answer::Accepted | Answer::Manual, .. }
        | Command::Take { .. }
        | Command::Dispose { .. }
        | Command::CancelSleep { .. }
        | Command::Hook { .. }
        | Command::Signal { .. }
        | Command::CancelStep { .. }
        | Command::CancelChild { .. }
        | Command::CloseStream { .. }
        | Command::SetAttribute { .. }
        | Command::RemoveAttribute { .. }
        | Command::Compensation { .. }
        | Command::Keep { .. }
        | Command::Unwind { .. }
        | Command::Undo { .. }
        | Command::Undone { .. }
        | Command::Shield
        | Command::Unshield { .. } => None,
    }
}

const fn of_verdict(verdict: &mut Verdict) -> Option<Payload<'_>> {
    match verdict {
        Verdict::Completed(text)
        | Verdict::Failed(text)
        | Verdict::FailedAt(Failure { message: text, .. }) => Some(Payload::Text(text)),
        Verdict::Waiting | Verdict::Cancelled => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        Answer, Command, Event, Op, Request, Response, Signal, StepFailure, StepOptions, Timestamp,
        Turn, Verdict,
    };

    fn response(body: &str) -> Response {
        Response { status: 200, headers: vec![], body: body.into() }
    }

    fn turn(event: Event, commands: Vec<Command>, verdict: Verdict) -> Turn {
        Turn { seq: 0, first_op: Op(0), at: Timestamp(0), event, commands, verdict, log: vec![] }
    }

    /// Takes all payloads out, shows them, and puts them back.
    fn check(mut turn: Turn, expected: &[&str]) {
        let before = turn.clone();
        let taken: Vec<_> = turn.payloads().map(|mut payload| payload.take()).collect();
        let shown: Vec<_> =
            taken.iter().map(|bytes| std::str::from_utf8(bytes).expect("text")).collect();
        assert_eq!(shown, expected);
        assert!(turn.payloads().all(|payload| payload.size() == 0));
        for (mut payload, value) in turn.payloads().zip(taken) {
            payload.put(value).expect("it was text");
        }
        assert_eq!(turn, before);
    }

    #[test]
    fn payloads_stand_in_the_order_of_the_turn() {
        let webhook = |answer| Command::Webhook { token: "t".into(), url: "u".into(), answer };
        let step = |input: &str| Command::Step {
            name: "s".into(),
            input: input.into(),
            options: StepOptions::default(),
        };
        let commands = vec![
            step("1"),
            Command::Sleep { until: Timestamp(5) },
            webhook(Answer::Accepted),
            webhook(Answer::Fixed(response("2"))),
            webhook(Answer::Manual),
            Command::Take { inbox: Op(2) },
            Command::Respond { request: 0, response: response("3") },
            Command::Dispose { inbox: Op(2) },
            Command::CancelSleep { sleep: Op(1) },
            Command::Hook { token: "t".into(), chosen: true, metadata: Some("{}".into()) },
            Command::Signal { name: "s".into() },
            Command::CancelStep { step: Op(0) },
            Command::Publish { name: "p".into(), value: "[]".into() },
            Command::Write { stream: "w".into(), chunk: "{".into() },
            Command::CloseStream { stream: "w".into() },
            step("4"),
        ];
        let started = Event::Started { input: "0".into() };
        check(
            turn(started, commands, Verdict::Completed("5".into())),
            &["0", "1", "2", "3", "[]", "{", "4", "5"],
        );
    }

    #[test]
    fn each_event_has_one_payload_or_none() {
        let failure =
            StepFailure { step: "s".into(), attempts: 1, message: "no".into(), fatal: true };
        let request = Request {
            number: 0,
            method: "GET".into(),
            url: "/".into(),
            headers: vec![("a".into(), "b".into())],
            body: "body".into(),
        };
        let failed = || Verdict::Failed("why".into());
        let op = Op(0);
        check(
            turn(Event::StepCompleted { op, output: "[]".into() }, vec![], failed()),
            &["[]", "why"],
        );
        check(turn(Event::StepFailed { op, failure }, vec![], Verdict::Waiting), &["no"]);
        check(turn(Event::Requested { op, request }, vec![], Verdict::Waiting), &["body"]);
        let signal = Signal { number: 0, name: "s".into(), payload: "{}".into(), key: None };
        check(turn(Event::Signalled { signal }, vec![], Verdict::Waiting), &["{}"]);
        let received = Event::HookReceived { op, payload: "[1]".into() };
        check(turn(received, vec![], Verdict::Waiting), &["[1]"]);
        check(turn(Event::HookOpened { op }, vec![], Verdict::Waiting), &[]);
        let owner = "run_1".into();
        check(turn(Event::HookTaken { op, owner }, vec![], Verdict::Waiting), &[]);
        check(turn(Event::Slept { op }, vec![], Verdict::Waiting), &[]);
        check(turn(Event::Cancelled, vec![], Verdict::Cancelled), &[]);
    }

    #[test]
    fn what_is_no_text_is_not_put_where_text_belongs() {
        let mut turn = turn(Event::Started { input: "1".into() }, vec![], Verdict::Waiting);
        let put = turn.payloads().next().expect("the input").put(vec![0xff]);
        assert!(put.is_err());
    }
}
