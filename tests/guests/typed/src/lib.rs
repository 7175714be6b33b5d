//! Workflows whose types have schemas, and some whose types have none.

use std::fmt::Display;

use schemars::JsonSchema;
use segno::{Error, workflow};
use serde::{Deserialize, Serialize};

segno::export!(pack, wrap, tick, seal, hide);

/// What is to be packed.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Goods {
    /// How many pieces there are.
    pub pieces: u32,
    /// What stands on the parcel.
    #[serde(default)]
    pub label: Option<String>,
}

/// What has been packed.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Parcel {
    /// How heavy it is.
    pub grams: u64,
    /// What stands on it.
    #[serde(default)]
    pub label: String,
}

/// What nobody has described.
#[derive(Debug, Serialize, Deserialize)]
pub struct Secret {
    /// It says nothing.
    pub word: String,
}

/// What `wrap` returns.
pub type WrapResult = Result<Parcel, Error>;

/// Takes and returns what has a schema.
#[workflow]
pub async fn pack(goods: Goods) -> Result<Parcel, Error> {
    let label = goods.label.unwrap_or_default();
    Ok(Parcel { grams: u64::from(goods.pieces) * 100, label })
}

/// Takes nothing, and returns an alias.
#[workflow(history = "keep 10")]
pub async fn wrap() -> WrapResult {
    Ok(Parcel { grams: 20, label: String::new() })
}

/// Returns what only the compiler can name.
#[workflow]
pub async fn tick(count: u64) -> Result<impl Serialize, Error> {
    Ok(count + 1)
}

/// Fails with what only the compiler can name.
#[workflow]
pub async fn seal(parcel: Parcel) -> Result<Parcel, impl Display> {
    if parcel.label.is_empty() { Err("a parcel needs a label") } else { Ok(parcel) }
}

/// Takes what has no schema.
#[workflow]
pub async fn hide(secret: Secret) -> Result<u64, Error> {
    Ok(secret.word.len() as u64)
}
