//! What can happen to a run.

use serde::{Deserialize, Serialize};

use crate::{Op, grows};

/// One thing that happened, as it is delivered to a run and recorded in its turn.
///
/// The order of the variants is the disk format: new ones go to the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The run was started with this JSON input.
    Started {
        /// What the workflow is given.
        input: String,
    },
    /// A step returned.
    StepCompleted {
        /// Which step.
        op: Op,
        /// What it returned, as JSON.
        output: String,
    },
    /// A step failed for good.
    StepFailed {
        /// Which step.
        op: Op,
        /// Why.
        failure: StepFailure,
    },
    /// A sleep is over.
    Slept {
        /// Which sleep.
        op: Op,
    },
    /// A webhook was called.
    Requested {
        /// Which webhook.
        op: Op,
        /// The call.
        request: Request,
    },
    /// Somebody cancelled the run. The workflow does not see it.
    Cancelled,
}

impl Event {
    /// The operation that the event belongs to, if it belongs to one.
    #[must_use]
    pub const fn op(&self) -> Option<Op> {
        match self {
            Self::Started { .. } | Self::Cancelled => None,
            Self::StepCompleted { op, .. }
            | Self::StepFailed { op, .. }
            | Self::Slept { op }
            | Self::Requested { op, .. } => Some(*op),
        }
    }

    /// The step that is over with it, if it is the end of one.
    #[must_use]
    pub const fn ended_step(&self) -> Option<Op> {
        match self {
            Self::StepCompleted { op, .. } | Self::StepFailed { op, .. } => Some(*op),
            Self::Started { .. }
            | Self::Slept { .. }
            | Self::Requested { .. }
            | Self::Cancelled => None,
        }
    }

    /// The request that it brings. There may be many of one operation; of all else there is one.
    #[must_use]
    pub const fn request(&self) -> Option<&Request> {
        match self {
            Self::Requested { request, .. } => Some(request),
            Self::Started { .. }
            | Self::StepCompleted { .. }
            | Self::StepFailed { .. }
            | Self::Slept { .. }
            | Self::Cancelled => None,
        }
    }

    /// What the run was given, as JSON, if it begins with this.
    #[must_use]
    pub fn into_input(self) -> Option<String> {
        match self {
            Self::Started { input } => Some(input),
            Self::StepCompleted { .. }
            | Self::StepFailed { .. }
            | Self::Slept { .. }
            | Self::Requested { .. }
            | Self::Cancelled => None,
        }
    }

    /// How many bytes of payload the event carries.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Started { input } => input.len(),
            Self::StepCompleted { output, .. } => output.len(),
            Self::StepFailed { failure, .. } => failure.message.len(),
            Self::Requested { request, .. } => request.size(),
            Self::Slept { .. } | Self::Cancelled => 0,
        }
    }
}

/// Why a step has failed for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepFailure {
    /// The name of the step.
    pub step: String,
    /// How many attempts were made, those that a crash cut off included.
    pub attempts: u32,
    /// The last error, with its causes.
    pub message: String,
    /// True if the step said that no further attempt can help.
    pub fatal: bool,
}

grows!(StepFailure { step, attempts, message, fatal });

/// One call of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its number in its run, from 0, over all webhooks of the run.
    pub number: u64,
    /// The HTTP method, in capitals.
    pub method: String,
    /// Path and query as the caller sent them.
    pub url: String,
    /// Names in lower case, in the order of arrival.
    pub headers: Vec<(String, String)>,
    /// The body, as it came.
    pub body: Vec<u8>,
}

grows!(Request { number, method, url, headers, body });

impl Request {
    /// How much room the request takes while it waits to be taken, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        size_of::<Self>()
            + self.method.len()
            + self.url.len()
            + size_of_headers(&self.headers)
            + self.body.len()
    }
}

/// What headers take, the empty ones included: each is two strings.
fn size_of_headers(headers: &[(String, String)]) -> usize {
    headers
        .iter()
        .map(|(name, value)| size_of::<(String, String)>() + name.len() + value.len())
        .sum()
}

/// What a webhook answers to its caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status, from 200 to 599.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body, as it goes out.
    pub body: Vec<u8>,
}

grows!(Response { status, headers, body });

impl Response {
    /// The answer where the workflow gives none: 202 with an empty body.
    #[must_use]
    pub const fn accepted() -> Self {
        Self { status: 202, headers: Vec::new(), body: Vec::new() }
    }

    /// How much room the response takes, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        size_of::<Self>() + size_of_headers(&self.headers) + self.body.len()
    }
}
