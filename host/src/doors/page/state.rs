//! What the page works with.

use axum::extract::FromRef;
use segno_journal::Timestamp;

use crate::doors::bodies::Bodies;
use crate::doors::page::forms::Forms;
use crate::doors::page::logins::Logins;
use crate::doors::tokens::Keyring;
use crate::engine::{Clock, Engine, Supervisor};

/// What the page works with.
#[derive(Clone)]
pub(super) struct Page {
    pub(super) current: Supervisor,
    pub(super) keyring: Keyring,
    pub(super) logins: Logins,
    pub(super) bodies: Bodies,
    pub(super) forms: Forms,
}

impl Page {
    /// The moment at which it is looked at.
    pub(super) fn now() -> Timestamp {
        Clock::System.now()
    }
}

impl FromRef<Page> for Engine {
    fn from_ref(page: &Page) -> Self {
        page.current.engine()
    }
}
