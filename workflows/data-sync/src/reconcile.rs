//! Reconciliation: now and then compare both sides whole, and mend what has drifted apart.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join;
use segno::{StepFailure, log, sleep, workflow};
use serde::{Deserialize, Serialize};

/// How to reconcile.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Config {
    /// How long to sleep between two comparisons, such as `1 hour`.
    pub every: String,
}

/// A product, on either side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Product {
    pub id: String,
    pub data: String,
    /// Milliseconds since 1970.
    pub updated_at: i64,
}

/// Keeps the table `products` in step with the shop, for ever. What the shop no longer has is
/// archived and named in the log, never deleted.
#[workflow]
pub async fn reconcile(config: Config) -> Result<(), segno::Error> {
    loop {
        if let Err(failure) = compare_and_mend().await {
            log::warn!("will compare again the next time: {failure}");
        }

        sleep(&config.every).await;
    }
}

async fn compare_and_mend() -> Result<(), StepFailure> {
    // Both sides at the same time.
    let (local, remote) =
        try_join(steps::fetch_local_products(), steps::fetch_remote_products()).await?;

    let Diff { changed, gone } = diff(&local, remote);

    if !changed.is_empty() {
        steps::upsert_products(changed).await?;
    }
    if !gone.is_empty() {
        log::warn!("the shop no longer has {}: archiving", gone.join(", "));
        steps::archive_products(gone).await?;
    }
    Ok(())
}

/// What is to be done so that the local side agrees with the remote one.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// What is new or newer on the remote side.
    pub changed: Vec<Product>,
    /// The IDs of what is only on the local side.
    pub gone: Vec<String>,
}

/// Compares both sides. Runs in the workflow: it is pure, so it needs no step.
#[must_use]
pub fn diff(local: &[Product], remote: Vec<Product>) -> Diff {
    let there: BTreeSet<_> = remote.iter().map(|product| product.id.clone()).collect();
    let here: BTreeMap<_, _> =
        local.iter().map(|product| (&product.id, product.updated_at)).collect();

    let is_new =
        |product: &Product| here.get(&product.id).is_none_or(|ours| *ours < product.updated_at);
    let gone =
        local.iter().map(|product| product.id.clone()).filter(|id| !there.contains(id)).collect();
    Diff { changed: remote.into_iter().filter(is_new).collect(), gone }
}

/// What touches the world.
#[segno::steps]
pub mod steps {
    use segno::StepError;

    use super::Product;
    use crate::{db, http};

    /// The products that we have and have not archived.
    #[segno::step(max_retries = 5)]
    pub async fn fetch_local_products() -> Result<Vec<Product>, StepError> {
        Ok(db::get().await?.products().await?)
    }

    /// The products that the shop has.
    #[segno::step(max_retries = 5)]
    pub async fn fetch_remote_products() -> Result<Vec<Product>, StepError> {
        Ok(http::send(http::get("/shop/products")).await?.json().await?)
    }

    /// Writes products to the database; a row that is newer stays.
    #[segno::step(max_retries = 5)]
    pub async fn upsert_products(products: Vec<Product>) -> Result<(), StepError> {
        Ok(db::get().await?.upsert_products(&products).await?)
    }

    /// Marks products as archived; their data stay.
    #[segno::step(max_retries = 5)]
    pub async fn archive_products(ids: Vec<String>) -> Result<(), StepError> {
        Ok(db::get().await?.archive_products(&ids).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(id: &str, data: &str, updated_at: i64) -> Product {
        Product { id: id.to_owned(), data: data.to_owned(), updated_at }
    }

    #[test]
    fn two_sides_that_agree_need_nothing() {
        let side = vec![product("desk", "400 EUR", 1), product("lamp", "40 EUR", 2)];
        assert_eq!(diff(&side, side.clone()), Diff::default());
    }

    #[test]
    fn what_is_new_or_newer_is_taken_over() {
        let local = [product("desk", "400 EUR", 1), product("lamp", "40 EUR", 2)];
        let remote = vec![
            product("desk", "380 EUR", 3),
            product("lamp", "40 EUR", 2),
            product("rug", "90 EUR", 1),
        ];
        let changed = vec![remote[0].clone(), remote[2].clone()];
        assert_eq!(diff(&local, remote), Diff { changed, gone: Vec::new() });
    }

    #[test]
    fn what_is_newer_on_this_side_stays() {
        let local = [product("desk", "380 EUR", 3)];
        assert_eq!(diff(&local, vec![product("desk", "400 EUR", 1)]), Diff::default());
    }

    #[test]
    fn what_the_other_side_no_longer_has_is_named() {
        let local = [product("desk", "400 EUR", 1), product("lamp", "40 EUR", 2)];
        let expected = Diff { changed: Vec::new(), gone: vec!["desk".to_owned()] };
        assert_eq!(diff(&local, vec![local[1].clone()]), expected);
    }
}
