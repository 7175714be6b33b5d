//! The database that the steps of a demo write to.

use anyhow::{Context as _, bail};
use demo_kit::place::Place;

use crate::db::{self, Database};
use crate::settings::{self, DATABASE_URL};

/// Opens the one in the place of the demo, or that of `DATABASE_URL`, which must be empty for a new one.
pub(super) async fn open(place: &Place) -> anyhow::Result<Database> {
    let Some(url) = settings::var(DATABASE_URL) else {
        let file = place.join("data-sync.db");
        return Database::open(&db::sqlite_url(&file))
            .await
            .with_context(|| format!("cannot open {}", file.display()));
    };
    let database =
        Database::open(&url).await.context("cannot open the database of DATABASE_URL")?;
    if place.is_new() && !database.is_empty().await? {
        bail!(
            "the database of DATABASE_URL has rows already, so both sides could never agree: use an empty \
             one, or go on with the --data directory that filled it"
        );
    }
    Ok(database)
}
