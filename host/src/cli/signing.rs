//! The file with the key that calls of a host are signed with: made at the first start.

use std::path::Path;

use anyhow::Context;

use crate::cli::token;
use crate::engine::{Random, SigningKey};

/// What the file is called in a data directory.
const NAME: &str = "signing-key";

/// The key in a file; that of the data directory where none is named, which is made if it is missing.
pub(super) fn key(named: Option<&Path>, data: &Path) -> anyhow::Result<SigningKey> {
    let file = match named {
        Some(file) => file.to_owned(),
        None => {
            let file = data.join(NAME);
            if !file.exists() {
                tracing::info!(
                    file = %file.display(),
                    "a key is made that calls at the ends of runs are signed with; keep it with the backups"
                );
            }
            token::make_with(&file, "a signing key", || SigningKey::write(&Random::System.key()))?;
            file
        }
    };
    let context = || format!("the signing key in {} cannot be used", file.display());
    let text = std::fs::read_to_string(&file).with_context(context)?;
    text.parse().with_context(context)
}
