//! Logins of the page: what a browser shows at each request, in the place of a token.
//!
//! A login is a token's name and a moment, signed with a key of the host and with the token itself. So nothing of it
//! is kept: it outlives a restart, and it ends when its time is over, or when the token is changed or taken away. Its
//! rights are those that the token has when it is shown.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use parking_lot::Mutex;
use segno_journal::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::doors::cookies;
use crate::doors::tokens::{Caller, Keyring};
use crate::engine::Random;

/// How long a login is good for: a working day.
pub(super) const LOGIN: Duration = Duration::from_secs(12 * 60 * 60);

/// How long the link that opens a login by itself is good for.
const LINK: Duration = Duration::from_secs(10 * 60);

/// The logins of a host. Cheap to clone.
#[derive(Clone)]
pub struct Logins(Arc<Inner>);

struct Inner {
    key: [u8; 32],
    /// What a browser calls a login of this host: those of several hosts on one machine lie beside each other.
    name: String,
    /// The link that opens one login, if it was not used: its code, and until when.
    link: Mutex<Option<(String, Timestamp)>>,
}

impl Logins {
    /// Logins that are signed with this key.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        let mark = Sha256::digest([&key[..], b"name"].concat());
        let name = format!("{}{}", cookies::LOGIN, hex::encode(&mark[..4]));
        Self(Arc::new(Inner { key, name, link: Mutex::default() }))
    }

    /// What a browser calls a login of this host.
    pub(super) fn name(&self) -> &str {
        &self.0.name
    }

    /// The code of a link that opens one login, for some minutes. The one before is worth nothing any more.
    #[must_use]
    pub fn link(&self, now: Timestamp) -> String {
        let code = hex::encode(Random::System.key());
        *self.0.link.lock() = Some((code.clone(), later(now, LINK)));
        code
    }

    /// Whether this is the code of the link. It is so once.
    pub(super) fn take_link(&self, offered: &str, now: Timestamp) -> bool {
        let mut link = self.0.link.lock();
        let is_it = link.as_ref().is_some_and(|(code, until)| {
            now < *until
                && bool::from(subtle::ConstantTimeEq::ct_eq(code.as_bytes(), offered.as_bytes()))
        });
        if is_it {
            *link = None;
        }
        is_it
    }

    /// A new login of somebody: what the browser is to show.
    pub(super) fn open(
        &self,
        keyring: &Keyring,
        caller: &Caller,
        now: Timestamp,
    ) -> Option<String> {
        let until = later(now, LOGIN).0 / 1_000;
        let (_, token) = keyring.named(caller.name())?;
        let signature = self.signed(caller.name(), until, &token).finalize().into_bytes();
        Some(format!("{}.{until}.{}", caller.name(), BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }

    /// Whose login this is, if it is one.
    pub(super) fn caller(&self, keyring: &Keyring, shown: &str, now: Timestamp) -> Option<Caller> {
        // The name of a token may have dots.
        let (signed, signature) = shown.rsplit_once('.')?;
        let (name, until) = signed.rsplit_once('.')?;
        let until = until.parse().ok()?;
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?;
        let (caller, token) = keyring.named(name)?;
        self.signed(name, until, &token).verify_slice(&signature).ok()?;
        (now.0 / 1_000 < until).then_some(caller)
    }

    fn signed(&self, name: &str, until: u64, token: &[u8; 32]) -> Hmac<Sha256> {
        let mut mac = <Hmac<Sha256>>::new_from_slice(&self.0.key).expect("any length will do");
        mac.update(token);
        mac.update(&until.to_be_bytes());
        mac.update(name.as_bytes());
        mac
    }
}

fn later(now: Timestamp, by: Duration) -> Timestamp {
    now.plus_ms(u64::try_from(by.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doors::tokens::Right;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    fn logins() -> Logins {
        Logins::new([7; 32])
    }

    fn keyring(text: &str) -> Keyring {
        Keyring::new(&text.parse().unwrap())
    }

    fn open(keyring: &Keyring, token: &str) -> String {
        let caller = keyring.caller(token).unwrap();
        logins().open(keyring, &caller, NOW).unwrap()
    }

    fn name(logins: &Logins, keyring: &Keyring, shown: &str, now: Timestamp) -> Option<String> {
        logins.caller(keyring, shown, now).map(|caller| caller.name().to_owned())
    }

    #[test]
    fn a_login_is_that_of_its_token_for_as_long_as_both_are_good() {
        let keyring = keyring("a.b read one\nops all two");
        let shown = open(&keyring, "one");
        assert_eq!(name(&logins(), &keyring, &shown, NOW).as_deref(), Some("a.b"));
        let last = later(NOW, LOGIN - Duration::from_secs(1));
        assert!(name(&logins(), &keyring, &shown, last).is_some(), "also after a restart");
        assert_eq!(name(&logins(), &keyring, &shown, later(NOW, LOGIN)), None);
        assert_eq!(name(&Logins::new([8; 32]), &keyring, &shown, NOW), None, "of another host");
        for other in ["a.b read three\nops all two", "ops all two", "a.c read one"] {
            keyring.replace(&other.parse().unwrap());
            assert_eq!(name(&logins(), &keyring, &shown, NOW), None, "{other}");
        }
        keyring.replace(&"a.b all one".parse().unwrap());
        let caller = logins().caller(&keyring, &shown, NOW).unwrap();
        assert!(caller.may(Right::Deploy), "its rights are those of today");
    }

    #[test]
    fn whatever_is_changed_in_a_login_it_is_none_any_more() {
        let keyring = keyring("a read one\nops all two");
        let shown = open(&keyring, "one");
        for at in 0..shown.len() {
            let mut bytes = shown.clone().into_bytes();
            bytes[at] ^= 1;
            let changed = String::from_utf8(bytes).unwrap();
            // The last letter of a signature has bits that say nothing.
            if at + 1 < shown.len() {
                assert_eq!(name(&logins(), &keyring, &changed, NOW), None, "{changed}");
            }
        }
        let as_ops = shown.replacen('a', "ops", 1);
        for forged in ["", ".", "..", "a", "a.1", "a..", &as_ops, &format!("{shown}.x")] {
            assert_eq!(name(&logins(), &keyring, forged, NOW), None, "{forged}");
        }
    }

    #[test]
    fn a_link_opens_one_login_for_some_minutes() {
        let logins = logins();
        assert!(!logins.take_link("", NOW), "there is none");
        let code = logins.link(NOW);
        assert!(!logins.take_link(&code[1..], NOW));
        assert!(!logins.take_link(&code, later(NOW, LINK)), "it is too old");
        assert!(logins.take_link(&code, NOW));
        assert!(!logins.take_link(&code, NOW), "once");
        let (before, code) = (logins.link(NOW), logins.link(NOW));
        assert!(!logins.take_link(&before, NOW) && logins.take_link(&code, NOW));
    }
}
