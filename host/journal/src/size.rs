//! How much room commands and operations take.

use crate::{Answer, Command};

/// How many bytes an open operation takes besides its payload, about: what is known of it in memory.
pub const OPERATION_BYTES: usize = 256;

impl Command {
    /// How many bytes the command takes, about: its payload, and what every command takes.
    #[must_use]
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.name_size() + self.payload()
    }

    /// How many bytes the operation takes that the command starts, about, until it is over.
    #[must_use]
    pub fn open_size(&self) -> usize {
        if self.starts_operation() {
            OPERATION_BYTES + self.name_size() + self.kept_payload()
        } else {
            0
        }
    }

    /// How many bytes of its payload are in memory as long as the operation is open. The input of a child is
    /// the affair of the child.
    fn kept_payload(&self) -> usize {
        match self {
            Self::Child { .. } => 0,
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
            | Self::Unshield { .. } => self.payload(),
        }
    }

    /// How many bytes the words take by which it is known: a name, a token, what is said of a hook.
    fn name_size(&self) -> usize {
        match self {
            Self::Step { name, .. }
            | Self::Signal { name }
            | Self::Publish { name, .. }
            | Self::Child { workflow: name, .. }
            | Self::Tell { name, .. }
            | Self::Write { stream: name, .. }
            | Self::CloseStream { stream: name }
            | Self::SetAttribute { name, .. }
            | Self::RemoveAttribute { name }
            | Self::Compensation { name } => name.len(),
            Self::Hook { token, metadata, .. } => {
                token.len() + metadata.as_ref().map_or(0, String::len)
            }
            Self::Sleep { .. }
            | Self::Webhook { .. }
            | Self::Take { .. }
            | Self::Respond { .. }
            | Self::Dispose { .. }
            | Self::CancelSleep { .. }
            | Self::CancelStep { .. }
            | Self::CancelChild { .. }
            | Self::Keep { .. }
            | Self::Unwind { .. }
            | Self::Undo { .. }
            | Self::Undone { .. }
            | Self::Shield
            | Self::Unshield { .. } => 0,
        }
    }

    /// How many bytes the value has that the command carries: an input, what is sent or shown, or a response.
    #[must_use]
    pub fn payload(&self) -> usize {
        match self {
            Self::Step { input, .. } | Self::Child { input, .. } => input.len(),
            Self::Publish { value, .. } => value.len(),
            Self::SetAttribute { value, .. } => value.size(),
            Self::Tell { payload, .. } => payload.len(),
            Self::Write { chunk, .. } => chunk.len(),
            Self::Unwind { error: Some(error) } | Self::Undone { error: Some(error), .. } => {
                error.len()
            }
            Self::Webhook { answer: Answer::Fixed(response), .. }
            | Self::Respond { response, .. } => response.size(),
            Self::Sleep { .. }
            | Self::Webhook { .. }
            | Self::Take { .. }
            | Self::Dispose { .. }
            | Self::CancelSleep { .. }
            | Self::Hook { .. }
            | Self::Signal { .. }
            | Self::CancelStep { .. }
            | Self::CancelChild { .. }
            | Self::CloseStream { .. }
            | Self::RemoveAttribute { .. }
            | Self::Compensation { .. }
            | Self::Keep { .. }
            | Self::Unwind { error: None }
            | Self::Undo { .. }
            | Self::Undone { error: None, .. }
            | Self::Shield
            | Self::Unshield { .. } => 0,
        }
    }
}
