//! Hooks: tokens that programs and people call with a JSON value.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::stream::Stream;
use segno_guest_runtime::hook as guest;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{log, word};

/// How long a token may be, in bytes.
const MAX_TOKEN: usize = 256;

/// How long the metadata of a hook may be, in bytes of JSON.
const MAX_METADATA: usize = 4 << 10;

/// A token by which programs and people send values to the run, as often as they like, until it is
/// disposed of or the run ends.
///
/// Whoever may operate the host calls it with `POST /v1/hooks/{token}`, which takes JSON; for callers
/// without that right there is [`Webhook`](crate::Webhook). The token may say what the hook is for,
/// because it is no secret, and then the caller need not be told it.
///
/// ```no_run
/// use segno::{Error, Hook, HookError};
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Approval {
///     by: String,
///     granted: bool,
/// }
///
/// #[segno::workflow]
/// pub async fn approve(order: u64) -> Result<String, Error> {
///     let hook = match Hook::<Approval>::open(format!("approval-{order}")).await {
///         Ok(hook) => hook,
///         Err(HookError::TokenInUse { owner, .. }) => return Ok(format!("{owner} asks already")),
///         Err(error) => return Err(error.into()),
///     };
///     let Some(approval) = hook.next().await else { return Err(Error::new("closed")) };
///     Ok(if approval.granted { format!("granted by {}", approval.by) } else { "refused".into() })
/// }
/// ```
///
/// What is sent is on disk before its sender hears anything. What comes while nobody waits is kept in
/// order, and each [`next`](Self::next) takes one. **What does not fit `T` is left out**: the log of the
/// run has a warning with the reason, and the next one is taken. Take a [`serde_json::Value`] to see all.
///
/// Dropping a `Hook` does not dispose of it, and leaving a loop over it does not either: senders are
/// still told that it was received, and the token stays taken. [`scoped`](Self::scoped) disposes of it.
///
/// Outside of a host there is nobody who could call, so these functions panic there.
#[derive(Debug)]
pub struct Hook<T> {
    hook: guest::Hook,
    payload: PhantomData<fn() -> T>,
}

/// Why a hook could not be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HookError {
    /// A hook that is open has this token, in this run or in another one.
    TokenInUse {
        /// The token.
        token: String,
        /// The ID of the run whose hook has it.
        owner: String,
    },
    /// No hook can have this token.
    BadToken {
        /// The token.
        token: String,
    },
}

impl fmt::Display for HookError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TokenInUse { token, owner } => {
                write!(formatter, "the hook token `{token}` is in use by {owner}")
            }
            Self::BadToken { token } => write!(
                formatter,
                "`{token}` cannot be the token of a hook: it must have from 1 to {MAX_TOKEN} bytes, and no \
                 control characters",
            ),
        }
    }
}

impl std::error::Error for HookError {}

/// What is said of a new hook.
#[derive(Debug)]
#[must_use = "no hook is open before `create` or `open`"]
pub struct HookBuilder<T> {
    metadata: Option<String>,
    payload: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Hook<T> {
    /// Opens a hook with a token that the host draws and that cannot be guessed. It is open before any step
    /// of the same turn starts, so a step may hand the token out.
    ///
    /// On replay it has the token that it had.
    ///
    /// # Panics
    ///
    /// Outside of a host.
    #[must_use]
    pub fn create() -> Self {
        Self::builder().create()
    }

    /// Opens a hook with a token of one's own. It must not be that of a hook that is open, in any run of
    /// the host: of many who ask for one, exactly one gets it, and the others hear whose it is. The token is
    /// free again when the hook is disposed of and when its run ends.
    ///
    /// On replay the answer is the recorded one.
    ///
    /// # Errors
    ///
    /// The token is in use, or cannot be one.
    ///
    /// # Panics
    ///
    /// Outside of a host.
    pub async fn open(token: impl Into<String>) -> Result<Self, HookError> {
        Self::builder().open(token).await
    }

    /// A hook with metadata.
    pub const fn builder() -> HookBuilder<T> {
        HookBuilder { metadata: None, payload: PhantomData }
    }

    /// What it is called by.
    #[must_use]
    pub fn token(&self) -> &str {
        self.hook.token()
    }

    /// Takes the oldest value that was sent and not yet taken, or waits for one. `None` once the hook is
    /// disposed of and everything is taken.
    ///
    /// Dropping this future, for example because a sleep was faster, loses nothing.
    pub fn next(&self) -> Next<'_, T> {
        Next { next: self.hook.next(), hook: self }
    }

    /// Closes the hook: from now on there is no hook of this token until somebody opens one. What came
    /// before can still be taken. Doing so twice changes nothing.
    pub fn dispose(&self) {
        self.hook.dispose();
    }

    /// The same hook, which is disposed of where it leaves its scope.
    #[must_use]
    pub const fn scoped(self) -> ScopedHook<T> {
        ScopedHook(self)
    }

    /// What was sent, if it fits.
    fn read(&self, payload: &str) -> Option<T> {
        let read = serde_json::from_str(payload);
        if let Err(error) = &read {
            log::warn!("what was sent to hook `{}` is left out: {error}", self.token());
        }
        read.ok()
    }
}

impl<T: DeserializeOwned> HookBuilder<T> {
    /// What is shown of the hook to those who look it up, for example which order it is of.
    ///
    /// # Panics
    ///
    /// When it cannot be written as JSON, or that has more than 4 KiB: this blocks the run, and a repaired
    /// component lets it go on.
    pub fn metadata(mut self, metadata: impl Serialize) -> Self {
        let json = serde_json::to_string(&metadata);
        let json = json.unwrap_or_else(|error| panic!("the metadata of a hook: {error}"));
        let size = json.len();
        assert!(size <= MAX_METADATA, "the metadata of a hook has {size} bytes of {MAX_METADATA}");
        self.metadata = Some(json);
        self
    }

    /// As [`Hook::create`].
    ///
    /// # Panics
    ///
    /// Outside of a host.
    #[must_use]
    pub fn create(self) -> Hook<T> {
        Hook { hook: guest::create(self.metadata.as_deref()), payload: PhantomData }
    }

    /// As [`Hook::open`].
    ///
    /// # Errors
    ///
    /// The token is in use, or cannot be one.
    ///
    /// # Panics
    ///
    /// Outside of a host.
    pub async fn open(self, token: impl Into<String>) -> Result<Hook<T>, HookError> {
        let token = token.into();
        if !word::fits(&token, MAX_TOKEN) {
            return Err(HookError::BadToken { token });
        }
        match guest::open(&token, self.metadata.as_deref()).await {
            Ok(hook) => Ok(Hook { hook, payload: PhantomData }),
            Err(guest::Taken { owner }) => Err(HookError::TokenInUse { token, owner }),
        }
    }
}

/// What is sent to the hook, in the order of arrival; ends once it is disposed of.
impl<T: DeserializeOwned> Stream for Hook<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        loop {
            match self.hook.poll_next(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(payload)) => {
                    if let Some(value) = self.read(&payload) {
                        return Poll::Ready(Some(value));
                    }
                }
            }
        }
    }
}

/// The future of [`Hook::next`].
#[derive(Debug)]
#[must_use = "nothing is taken unless this is awaited"]
pub struct Next<'a, T> {
    next: guest::Next<'a>,
    hook: &'a Hook<T>,
}

impl<T: DeserializeOwned> Future for Next<'_, T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        loop {
            match Pin::new(&mut self.next).poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(payload)) => {
                    if let Some(value) = self.hook.read(&payload) {
                        return Poll::Ready(Some(value));
                    }
                }
            }
        }
    }
}

/// A [`Hook`] that is disposed of where it leaves its scope.
#[derive(Debug)]
pub struct ScopedHook<T>(Hook<T>);

impl<T> Deref for ScopedHook<T> {
    type Target = Hook<T>;

    fn deref(&self) -> &Hook<T> {
        &self.0
    }
}

impl<T> Drop for ScopedHook<T> {
    fn drop(&mut self) {
        self.0.hook.dispose_late();
    }
}
