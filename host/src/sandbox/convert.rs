//! Between the words of the WIT world and those of the journal. By hand, so that neither shapes
//! the other.

use segno_journal::{
    Answer, AttributeValue, ChildEnd, ClosePolicy, Event, Level, NotTold, Number, Op, Response,
    Timestamp,
};

use crate::sandbox::bindings::exports::segno::workflow::guest::Event as GuestEvent;
use crate::sandbox::bindings::segno::workflow::{attributes, child, log, types, webhook};

/// The operation, if it belongs to one, and the event as the guest sees them, or `None` for an event that
/// is not the guest's.
pub(crate) fn event_to_guest(event: &Event) -> Option<(Option<Op>, GuestEvent)> {
    let event_for_guest = match event {
        Event::Started { .. }
        | Event::Cancelled
        | Event::Expired { .. }
        | Event::Retried { .. }
        | Event::Forked { .. } => return None,
        Event::StepCompleted { output, .. } => GuestEvent::StepCompleted(output.clone()),
        Event::StepFailed { failure, .. } => GuestEvent::StepFailed(types::StepFailure {
            step: failure.step.clone(),
            attempts: failure.attempts,
            message: failure.message.clone(),
            fatal: failure.fatal,
        }),
        Event::Slept { .. } | Event::Woken { .. } => GuestEvent::Slept,
        Event::Requested { request, .. } => GuestEvent::Requested(types::Request {
            number: request.number,
            method: request.method.clone(),
            url: request.url.clone(),
            headers: request.headers.clone(),
            body: request.body.clone(),
        }),
        Event::HookOpened { .. } => GuestEvent::HookOpened,
        Event::HookTaken { owner, .. } => GuestEvent::HookTaken(owner.clone()),
        Event::HookReceived { payload, .. } => GuestEvent::Received(payload.clone()),
        Event::Signalled { signal } => GuestEvent::Signalled(types::Signal {
            number: signal.number,
            name: signal.name.clone(),
            payload: signal.payload.clone(),
        }),
        Event::ChildEnded { end: ChildEnd::Completed(output), .. } => {
            GuestEvent::ChildCompleted(output.clone())
        }
        Event::ChildEnded { end: ChildEnd::Failed(error), .. } => {
            GuestEvent::ChildFailed(error.clone())
        }
        Event::ChildEnded { end: ChildEnd::Cancelled, .. } => GuestEvent::ChildCancelled,
        Event::Told { .. } => GuestEvent::Told,
        Event::Cancelling { error, .. } => GuestEvent::Cancelled(error.clone()),
        Event::NotTold { why, .. } => GuestEvent::NotTold(match why {
            NotTold::Ended => types::Refusal::Ended,
            NotTold::Full => types::Refusal::Full,
            NotTold::Stranger => types::Refusal::Stranger,
            NotTold::LeftOut => types::Refusal::LeftOut,
        }),
    };
    Some((event.op(), event_for_guest))
}

/// How much an answer brings, in bytes. What is empty takes room, too.
pub(crate) fn size_of_answer(answer: &webhook::Answer) -> usize {
    match answer {
        webhook::Answer::Fixed(fixed) => size_of_response(fixed),
        webhook::Answer::Accepted | webhook::Answer::Manual => 0,
    }
}

/// How much a response brings, in bytes.
pub(crate) fn size_of_response(response: &types::Response) -> usize {
    let headers = response.headers.iter();
    let headers =
        headers.map(|(name, value)| size_of::<(String, String)>() + name.len() + value.len());
    response.body.len() + headers.sum::<usize>()
}

/// How much the value of an attribute brings, in bytes.
pub(crate) const fn size_of_attribute(value: &attributes::Value) -> usize {
    match value {
        attributes::Value::Text(text) => text.len(),
        attributes::Value::Number(_) | attributes::Value::Time(_) => 8,
        attributes::Value::Boolean(_) => 1,
    }
}

/// The value of an attribute, or what is wrong with it.
pub(crate) fn attribute(value: attributes::Value) -> Result<AttributeValue, String> {
    Ok(match value {
        attributes::Value::Text(text) => AttributeValue::Text(text),
        attributes::Value::Number(number) => {
            let is_none = || format!("{number} cannot be the value of an attribute");
            AttributeValue::Number(Number::new(number).ok_or_else(is_none)?)
        }
        attributes::Value::Boolean(value) => AttributeValue::Boolean(value),
        attributes::Value::Time(at) => AttributeValue::Time(Timestamp(at)),
    })
}

/// How callers are answered, or what is wrong with it.
pub(crate) fn answer(answer: webhook::Answer) -> Result<Answer, String> {
    Ok(match answer {
        webhook::Answer::Accepted => Answer::Accepted,
        webhook::Answer::Fixed(fixed) => Answer::Fixed(response(fixed)?),
        webhook::Answer::Manual => Answer::Manual,
    })
}

/// A response, or what is wrong with it.
pub(crate) fn response(response: types::Response) -> Result<Response, String> {
    let types::Response { status, headers, body } = response;
    if (200..=599).contains(&status) {
        Ok(Response { status, headers, body })
    } else {
        Err(format!(
            "the workflow answers a webhook with status {status}; it must be from 200 to 599"
        ))
    }
}

/// What becomes of a child when its parent ends first.
pub(crate) const fn policy(policy: child::ClosePolicy) -> ClosePolicy {
    match policy {
        child::ClosePolicy::Cancel => ClosePolicy::Cancel,
        child::ClosePolicy::Leave => ClosePolicy::Leave,
    }
}

pub(crate) const fn level(level: log::Level) -> Level {
    match level {
        log::Level::Debug => Level::Debug,
        log::Level::Info => Level::Info,
        log::Level::Warn => Level::Warn,
        log::Level::Error => Level::Error,
    }
}
