//! The key that calls of the host are signed with, so that whoever gets one knows whose it is.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use segno_journal::Timestamp;
use sha2::Sha256;

/// What a key begins with, as [Standard Webhooks](https://www.standardwebhooks.com) write it.
const PREFIX: &str = "whsec_";

/// How many bytes a key may have.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A key to sign calls with. Shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey(Vec<u8>);

/// A text that is no such key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a signing key is `whsec_` and 24 to 64 bytes in base64")]
pub struct BadSigningKey;

impl SigningKey {
    /// A key of these bytes, as text.
    #[must_use]
    pub fn write(bytes: &[u8; 32]) -> String {
        format!("{PREFIX}{}", BASE64_STANDARD.encode(bytes))
    }

    /// Another key, for a purpose that has nothing to do with calls.
    pub(crate) fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut mac = <Hmac<Sha256>>::new_from_slice(&self.0).expect("any length will do");
        mac.update(purpose.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// What a call is signed with: the value of the header `webhook-signature`.
    pub(crate) fn sign(&self, id: &str, at: Timestamp, body: &str) -> String {
        let mut mac = <Hmac<Sha256>>::new_from_slice(&self.0).expect("any length will do");
        for part in [id, ".", &seconds(at), ".", body] {
            mac.update(part.as_bytes());
        }
        format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// A moment as it is signed: in seconds since 1970.
pub(crate) fn seconds(at: Timestamp) -> String {
    (at.0 / 1_000).to_string()
}

impl FromStr for SigningKey {
    type Err = BadSigningKey;

    fn from_str(text: &str) -> Result<Self, BadSigningKey> {
        let bytes = text.trim().strip_prefix(PREFIX).and_then(|it| BASE64_STANDARD.decode(it).ok());
        bytes.filter(|bytes| BYTES.contains(&bytes.len())).map(Self).ok_or(BadSigningKey)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the libraries of Standard Webhooks.
    #[test]
    fn a_call_is_signed_as_standard_webhooks_do() {
        let key: SigningKey = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().expect("it is one");
        let signature = key.sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            Timestamp(1_614_265_330_000),
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_key_is_read_as_it_was_written_and_anything_else_is_refused() {
        let written = SigningKey::write(&[7; 32]);
        assert_eq!(written.parse(), Ok(SigningKey(vec![7; 32])));
        assert_eq!(format!("{:?}", SigningKey(vec![7; 32])), "SigningKey(..)");
        for bad in ["", "whsec_", "whsec_AAAA", &written[6..], "whsec_!!!!"] {
            assert_eq!(bad.parse::<SigningKey>(), Err(BadSigningKey), "{bad}");
        }
    }
}
