//! The bearer tokens of the management API, and what each of them may do.
//!
//! A file of tokens has a line for each, `NAME RIGHTS TOKEN`, or a token alone, which may do
//! everything. There can be several, so that one can be changed while those who use it still have the
//! old one.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use parking_lot::RwLock;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// How many tokens a host may have: each request is compared with all of them.
const MAX_TOKENS: usize = 100;

/// How long the name of a token may be, in bytes: it stands in logs and histories.
const MAX_NAME: usize = 64;

/// What a token is called that stands alone.
const ALONE: &str = "token";

/// A bearer token of the management API. Shown nowhere.
#[derive(Clone)]
pub struct Token(String);

/// A text that cannot be a bearer token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a token is one or more visible ASCII characters without a space, for example what `openssl rand -hex 32` prints"
)]
pub struct BadToken;

impl Token {
    /// Takes a text as the token.
    ///
    /// # Errors
    ///
    /// The text is empty, or has characters that a header cannot carry.
    pub fn new(text: impl Into<String>) -> Result<Self, BadToken> {
        let text = text.into();
        let usable = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if usable { Ok(Self(text)) } else { Err(BadToken) }
    }

    /// The token itself, for the header of a client.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// What a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// To look at runs, modules and metrics.
    Read,
    /// To start runs, and to change what becomes of them.
    Operate,
    /// To deploy modules.
    Deploy,
}

impl Right {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Read, Self::Operate, Self::Deploy];
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Deploy => "deploy",
        })
    }
}

/// A token with its name and its rights.
#[derive(Debug, Clone)]
pub struct Named {
    /// What those who run the host call it.
    pub name: String,
    /// What it may do.
    pub rights: BTreeSet<Right>,
    /// The token.
    pub token: Token,
}

/// A file of tokens that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTokens {
    /// It has none.
    #[error("there is no token in it: write one alone, or lines of the form `NAME RIGHTS TOKEN`")]
    None,
    /// It has too many.
    #[error("there are more than {MAX_TOKENS} tokens in it")]
    TooMany,
    /// A line is none. It is not quoted, because it may have a token in it.
    #[error(
        "line {line} is not `NAME RIGHTS TOKEN`, where the name has at most {MAX_NAME} letters, digits, `.`, `_` and \
         `-`, and the rights are `all`, or of read, operate and deploy, with commas between them"
    )]
    Line {
        /// Its number, from 1.
        line: usize,
    },
    /// Two tokens have one name, so that nobody could say whose a request was.
    #[error("two tokens are called `{name}`")]
    Twice {
        /// The name.
        name: String,
    },
}

/// The tokens of a host, as they stand in a file: at least one, and no two with one name.
#[derive(Debug, Clone)]
pub struct Tokens(Vec<Named>);

impl From<Token> for Tokens {
    /// One token that may do everything.
    fn from(token: Token) -> Self {
        Self(vec![Named { name: ALONE.to_owned(), rights: Right::ALL.into(), token }])
    }
}

impl FromStr for Tokens {
    type Err = BadTokens;

    fn from_str(text: &str) -> Result<Self, BadTokens> {
        let mut tokens: Vec<Named> = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let named = named(line).ok_or(BadTokens::Line { line: number + 1 })?;
            if tokens.iter().any(|other| other.name == named.name) {
                return Err(BadTokens::Twice { name: named.name });
            }
            tokens.push(named);
        }
        match tokens.len() {
            0 => Err(BadTokens::None),
            1..=MAX_TOKENS => Ok(Self(tokens)),
            _ => Err(BadTokens::TooMany),
        }
    }
}

impl Tokens {
    /// The first of them: the one that a client uses which is given the file.
    #[must_use]
    pub fn first(&self) -> &Token {
        &self.0[0].token
    }
}

fn named(line: &str) -> Option<Named> {
    let words: Vec<_> = line.split_ascii_whitespace().collect();
    let (name, rights, token) = match words[..] {
        [token] => (ALONE, "all", token),
        [name, rights, token] => (name, rights, token),
        _ => return None,
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if name.len() > MAX_NAME || !name.bytes().all(is_name) {
        return None;
    }
    let rights = match rights {
        "all" => Right::ALL.into(),
        listed => listed.split(',').map(right).collect::<Option<_>>()?,
    };
    Some(Named { name: name.to_owned(), rights, token: Token::new(token).ok()? })
}

fn right(text: &str) -> Option<Right> {
    Right::ALL.into_iter().find(|right| right.to_string() == text)
}

/// Who sent a request: stands among its extensions once it was let in.
#[derive(Debug, Clone)]
pub struct Caller {
    name: Arc<str>,
    rights: BTreeSet<Right>,
}

impl Caller {
    /// The name of the token.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it has this right.
    pub(super) fn may(&self, right: Right) -> bool {
        self.rights.contains(&right)
    }
}

/// The tokens that open a door now. Cheap to clone; all clones change at once.
#[derive(Debug, Clone)]
pub struct Keyring(Arc<RwLock<Vec<Key>>>);

/// What is kept of a token: enough to know it again.
#[derive(Debug)]
struct Key {
    hash: [u8; 32],
    caller: Caller,
}

impl Keyring {
    /// These tokens.
    #[must_use]
    pub fn new(tokens: &Tokens) -> Self {
        Self(Arc::new(RwLock::new(keys(tokens))))
    }

    /// From now on it is these, and no others.
    pub fn replace(&self, tokens: &Tokens) {
        *self.0.write() = keys(tokens);
    }

    /// Whose token has this name, and the hash of it.
    pub(super) fn named(&self, name: &str) -> Option<(Caller, [u8; 32])> {
        let keys = self.0.read();
        let key = keys.iter().find(|key| key.caller.name() == name)?;
        Some((key.caller.clone(), key.hash))
    }

    /// Whose token is the first: the one that a client uses which is given the file.
    pub(super) fn first(&self) -> Option<Caller> {
        self.0.read().first().map(|key| key.caller.clone())
    }

    /// Whose token this is. Hashes are compared, and all of them, so the time that it takes says
    /// nothing of where a difference is, nor of how long a token is.
    pub(super) fn caller(&self, offered: &str) -> Option<Caller> {
        let keys = self.0.read();
        let offered = hash(offered);
        let mut found = Choice::from(0);
        let mut at = 0;
        for (place, key) in (0_u64..).zip(keys.iter()) {
            let same = key.hash.ct_eq(&offered);
            at.conditional_assign(&place, same);
            found |= same;
        }
        let key = keys.get(usize::try_from(at).ok()?)?;
        bool::from(found).then(|| key.caller.clone())
    }
}

fn keys(tokens: &Tokens) -> Vec<Key> {
    let key = |named: &Named| Key {
        hash: hash(named.token.reveal()),
        caller: Caller { name: named.name.as_str().into(), rights: named.rights.clone() },
    };
    tokens.0.iter().map(key).collect()
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring(text: &str) -> Keyring {
        Keyring::new(&text.parse().unwrap())
    }

    fn told(keyring: &Keyring, token: &str) -> Option<String> {
        let caller = keyring.caller(token)?;
        let rights: Vec<_> = caller.rights.iter().map(ToString::to_string).collect();
        Some(format!("{} {}", caller.name(), rights.join(",")))
    }

    #[test]
    fn each_token_has_its_name_and_its_rights() {
        let text =
            "# who may do what\n\nci deploy,read one\n  ops all two \nlook read three\nfour\n";
        let keyring = keyring(text);
        for (token, expected) in [
            ("one", Some("ci read,deploy")),
            ("two", Some("ops read,operate,deploy")),
            ("three", Some("look read")),
            ("four", Some("token read,operate,deploy")),
            ("five", None),
            ("", None),
            ("On", None),
            ("oneone", None),
        ] {
            assert_eq!(told(&keyring, token).as_deref(), expected, "{token}");
        }
        keyring.replace(&"five".parse().unwrap());
        assert_eq!(told(&keyring, "one"), None);
        assert!(told(&keyring, "five").is_some());
    }

    #[test]
    fn what_is_no_file_of_tokens_is_refused_without_quoting_it() {
        let line = |line| BadTokens::Line { line };
        let name = "n".repeat(MAX_NAME + 1);
        for (text, expected) in [
            ("", BadTokens::None),
            ("# nothing\n\n", BadTokens::None),
            ("a read", line(1)),
            ("one\na read t more", line(2)),
            ("a write s3cret", line(1)),
            ("a read, s3cret", line(1)),
            ("ä read s3cret", line(1)),
            ("a read s3crét", line(1)),
            (&format!("{name} read s3cret"), line(1)),
            ("a read s3cret\na all other", BadTokens::Twice { name: "a".into() }),
            ("one\ntwo", BadTokens::Twice { name: "token".into() }),
            (
                &(0..=MAX_TOKENS).map(|n| format!("n{n} read t{n}\n")).collect::<String>(),
                BadTokens::TooMany,
            ),
        ] {
            let error = text.parse::<Tokens>().unwrap_err();
            assert_eq!(error, expected, "{text}");
            assert!(!error.to_string().contains("s3cr"), "{error}");
        }
    }

    #[test]
    fn a_token_is_neither_empty_nor_blank_nor_shown() {
        for text in ["", " ", "two words", "tab\t", "é"] {
            assert!(Token::new(text).is_err(), "{text:?}");
        }
        let tokens: Tokens = "a all s3cret".parse().unwrap();
        assert!(!format!("{tokens:?} {:?}", Keyring::new(&tokens)).contains("s3cret"));
    }
}
