//! What the steps are told by the environment, besides where the other systems are.

pub use demo_kit::settings::var;

/// The database: `sqlite://…` or `postgres://…`.
pub const DATABASE_URL: &str = "DATABASE_URL";
