//! How large an upstream is.

/// How many records a new upstream has.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Sizes {
    pub contacts: i64,
    pub orders: i64,
    pub products: i64,
    pub records: i64,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { contacts: 3_000, orders: 400, products: 500, records: 600 }
    }
}
