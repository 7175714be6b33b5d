//! The room for the bodies of requests: what all of them together may take.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::doors::refusal::{Kind, Refusal};

/// How many bytes of bodies one door holds at once, from their first byte to the answer: two
/// components of the largest size, or a hundred calls of webhooks.
const MAX_BODY_BYTES: usize = 128 << 20;

/// The room of one door. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Bodies(Arc<Semaphore>);

/// What a body takes of the room, until it is dropped.
#[derive(Debug, Default)]
pub(super) struct Held(Option<OwnedSemaphorePermit>);

impl Bodies {
    pub(super) fn new() -> Self {
        Self::of(MAX_BODY_BYTES)
    }

    /// Room for so many bytes.
    pub(super) fn of(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes)))
    }

    /// Takes room for more bytes of a body.
    ///
    /// # Errors
    ///
    /// 503 where there is none: waiting for it would hold what is there already.
    pub(super) fn take(&self, held: &mut Held, bytes: usize) -> Result<(), Refusal> {
        let full = || {
            Refusal::new(
                &Kind::BUSY,
                "the host is reading as much as it has room for; nothing was stored; try again later",
            )
        };
        let bytes = u32::try_from(bytes).map_err(|_| full())?;
        let more = Arc::clone(&self.0).try_acquire_many_owned(bytes).map_err(|_| full())?;
        match &mut held.0 {
            Some(permit) => permit.merge(more),
            none => *none = Some(more),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_free_again_once_it_is_dropped() {
        let bodies = Bodies::of(10);
        let mut held = Held::default();
        bodies.take(&mut held, 4).unwrap();
        bodies.take(&mut held, 6).unwrap();
        assert_eq!(bodies.take(&mut Held::default(), 1).unwrap_err().0.status, 503);
        drop(held);
        bodies.take(&mut Held::default(), 10).unwrap();
    }
}
