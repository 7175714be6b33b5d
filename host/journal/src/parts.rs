//! What a command names.

use crate::{AttributeValue, Command, Op, RunId};

impl Command {
    /// The name of the step that it asks for.
    #[must_use]
    pub const fn step(&self) -> Option<&String> {
        match self {
            Self::Step { name, .. } => Some(name),
            Self::Sleep { .. }
            | Self::Webhook { .. }
            | Self::Take { .. }
            | Self::Respond { .. }
            | Self::Dispose { .. }
            | Self::CancelSleep { .. }
            | Self::Hook { .. }
            | Self::Signal { .. }
            | Self::CancelStep { .. }
            | Self::Publish { .. }
            | Self::Child { .. }
            | Self::CancelChild { .. }
            | Self::Tell { .. }
            | Self::Write { .. }
            | Self::CloseStream { .. }
            | Self::SetAttribute { .. }
            | Self::RemoveAttribute { .. }
            | Self::Compensation { .. }
            | Self::Keep { .. }
            | Self::Unwind { .. }
            | Self::Undo { .. }
            | Self::Undone { .. }
            | Self::Shield
            | Self::Unshield { .. } => None,
        }
    }

    /// The token and the URL of the webhook that it opens.
    #[must_use]
    pub const fn address(&self) -> Option<(&String, &String)> {
        match self {
            Self::Webhook { token, url, .. } => Some((token, url)),
            Self::Step { .. }
            | Self::Sleep { .. }
            | Self::Take { .. }
            | Self::Respond { .. }
            | Self::Dispose { .. }
            | Self::CancelSleep { .. }
            | Self::Hook { .. }
            | Self::Signal { .. }
            | Self::CancelStep { .. }
            | Self::Publish { .. }
            | Self::Child { .. }
            | Self::CancelChild { .. }
            | Self::Tell { .. }
            | Self::Write { .. }
            | Self::CloseStream { .. }
            | Self::SetAttribute { .. }
            | Self::RemoveAttribute { .. }
            | Self::Compensation { .. }
            | Self::Keep { .. }
            | Self::Unwind { .. }
            | Self::Undo { .. }
            | Self::Undone { .. }
            | Self::Shield
            | Self::Unshield { .. } => None,
        }
    }

    /// The token of the hook that it opens, if the host drew it.
    #[must_use]
    pub const fn drawn_token(&self) -> Option<&String> {
        match self {
            Self::Hook { token, chosen: false, .. } => Some(token),
            Self::Step { .. }
            | Self::Sleep { .. }
            | Self::Webhook { .. }
            | Self::Take { .. }
            | Self::Respond { .. }
            | Self::Dispose { .. }
            | Self::CancelSleep { .. }
            | Self::Hook { .. }
            | Self::Signal { .. }
            | Self::CancelStep { .. }
            | Self::Publish { .. }
            | Self::Child { .. }
            | Self::CancelChild { .. }
            | Self::Tell { .. }
            | Self::Write { .. }
            | Self::CloseStream { .. }
            | Self::SetAttribute { .. }
            | Self::RemoveAttribute { .. }
            | Self::Compensation { .. }
            | Self::Keep { .. }
            | Self::Unwind { .. }
            | Self::Undo { .. }
            | Self::Undone { .. }
            | Self::Shield
            | Self::Unshield { .. } => None,
        }
    }

    /// The name of the child that it starts.
    #[must_use]
    pub const fn child(&self) -> Option<RunId> {
        match self {
            Self::Child { run, .. } => Some(*run),
            Self::Step { .. }
            | Self::Sleep { .. }
            | Self::Webhook { .. }
            | Self::Take { .. }
            | Self::Respond { .. }
            | Self::Dispose { .. }
            | Self::CancelSleep { .. }
            | Self::Hook { .. }
            | Self::Signal { .. }
            | Self::CancelStep { .. }
            | Self::Publish { .. }
            | Self::CancelChild { .. }
            | Self::Tell { .. }
            | Self::Write { .. }
            | Self::CloseStream { .. }
            | Self::SetAttribute { .. }
            | Self::RemoveAttribute { .. }
            | Self::Compensation { .. }
            | Self::Keep { .. }
            | Self::Unwind { .. }
            | Self::Undo { .. }
            | Self::Undone { .. }
            | Self::Shield
            | Self::Unshield { .. } => None,
        }
    }

    /// The attribute that it changes, and the value that it gives it; nothing where it takes it from the run.
    #[must_use]
    pub fn attribute(&self) -> Option<(&str, Option<&AttributeValue>)> {
        match self {
            Self::SetAttribute { name, value } => Some((name, Some(value))),
            Self::RemoveAttribute { name } => Some((name, None)),
            Self::Step { .. }
            | Self::Sleep { .. }
            | Self::Webhook { .. }
            | Self::Take { .. }
            | Self::Respond { .. }
            | Self::Dispose { .. }
            | Self::CancelSleep { .. }
            | Self::Hook { .. }
            | Self::Signal { .. }
            | Self::CancelStep { .. }
            | Self::Publish { .. }
            | Self::Child { .. }
            | Self::CancelChild { .. }
            | Self::Tell { .. }
            | Self::Write { .. }
            | Self::CloseStream { .. }
            | Self::Compensation { .. }
            | Self::Keep { .. }
            | Self::Unwind { .. }
            | Self::Undo { .. }
            | Self::Undone { .. }
            | Self::Shield
            | Self::Unshield { .. } => None,
        }
    }

    /// The stream that it writes to or closes, and the chunk that it writes.
    #[must_use]
    pub fn streamed(&self) -> Option<(&str, Option<&[u8]>)> {
        match self {
            Self::Write { stream, chunk } => Some((stream, Some(chunk))),
            Self::CloseStream { stream } => Some((stream, None)),
            Self::Step { .. }
            | Self::Sleep { .. }
            | Self::Webhook { .. }
            | Self::Take { .. }
            | Self::Respond { .. }
            | Self::Dispose { .. }
            | Self::CancelSleep { .. }
            | Self::Hook { .. }
            | Self::Signal { .. }
            | Self::CancelStep { .. }
            | Self::Publish { .. }
            | Self::Child { .. }
            | Self::CancelChild { .. }
            | Self::Tell { .. }
            | Self::SetAttribute { .. }
            | Self::RemoveAttribute { .. }
            | Self::Compensation { .. }
            | Self::Keep { .. }
            | Self::Unwind { .. }
            | Self::Undo { .. }
            | Self::Undone { .. }
            | Self::Shield
            | Self::Unshield { .. } => None,
        }
    }

    /// The step that it gives up.
    #[must_use]
    pub const fn given_up_step(&self) -> Option<Op> {
        match self {
            Self::CancelStep { step } => Some(*step),
            Self::Step { .. }
            | Self::Sleep { .. }
            | Self::Webhook { .. }
            | Self::Take { .. }
            | Self::Respond { .. }
            | Self::Dispose { .. }
            | Self::CancelSleep { .. }
            | Self::Hook { .. }
            | Self::Signal { .. }
            | Self::Publish { .. }
            | Self::Child { .. }
            | Self::CancelChild { .. }
            | Self::Tell { .. }
            | Self::Write { .. }
            | Self::CloseStream { .. }
            | Self::SetAttribute { .. }
            | Self::RemoveAttribute { .. }
            | Self::Compensation { .. }
            | Self::Keep { .. }
            | Self::Unwind { .. }
            | Self::Undo { .. }
            | Self::Undone { .. }
            | Self::Shield
            | Self::Unshield { .. } => None,
        }
    }

    /// The inbox that it disposes of.
    #[must_use]
    pub const fn disposed(&self) -> Option<Op> {
        match self {
            Self::Dispose { inbox } => Some(*inbox),
            Self::Step { .. }
            | Self::Sleep { .. }
            | Self::Webhook { .. }
            | Self::Take { .. }
            | Self::Respond { .. }
            | Self::CancelSleep { .. }
            | Self::Hook { .. }
            | Self::Signal { .. }
            | Self::CancelStep { .. }
            | Self::Publish { .. }
            | Self::Child { .. }
            | Self::CancelChild { .. }
            | Self::Tell { .. }
            | Self::Write { .. }
            | Self::CloseStream { .. }
            | Self::SetAttribute { .. }
            | Self::RemoveAttribute { .. }
            | Self::Compensation { .. }
            | Self::Keep { .. }
            | Self::Unwind { .. }
            | Self::Undo { .. }
            | Self::Undone { .. }
            | Self::Shield
            | Self::Unshield { .. } => None,
        }
    }
}
