//! The warehouse: it keeps stock for orders, packs it, and takes it back.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use demo_kit::memory::{Memory, Tx};
use demo_kit::once::Asked;
use demo_kit::reply::{Failure, Reply};
use serde::{Deserialize, Serialize};

use crate::services::catalogue::GOODS;

#[derive(Debug, Serialize, Deserialize)]
struct Wish {
    order: i64,
    item: String,
    pieces: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct Item {
    order: i64,
    item: String,
}

/// `POST /reservations`, `POST /packages` and `POST /releases`.
pub(super) fn router() -> Router<Memory> {
    Router::new()
        .route("/reservations", post(reserve))
        .route("/packages", post(pack))
        .route("/releases", post(release))
}

/// Brings the goods to a warehouse that is new.
pub(super) async fn fill(memory: &Memory) -> sqlx::Result<()> {
    let mut transaction = memory.begin().await?;
    for goods in GOODS {
        let put = "INSERT INTO stock (item, pieces) VALUES ($1, $2) ON CONFLICT (item) DO NOTHING";
        sqlx::query(put).bind(goods.item).bind(goods.pieces).execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

async fn reserve(Asked { wish, mut once }: Asked<Wish>) -> Result<Reply, Failure> {
    if is_released(&mut once.transaction, &wish).await? {
        let refusal = Reply::refusal(StatusCode::CONFLICT, "the order wants it no more");
        return Ok(once.end(refusal).await?);
    }
    let take = "UPDATE stock SET pieces = pieces - $2 WHERE item = $1 AND pieces >= $2";
    let taken = sqlx::query(take)
        .bind(&wish.item)
        .bind(wish.pieces)
        .execute(&mut *once.transaction)
        .await?;
    if taken.rows_affected() == 0 {
        let refusal = Reply::refusal(StatusCode::CONFLICT, "there are not so many pieces of it");
        return Ok(once.end(refusal).await?);
    }
    sqlx::query("INSERT INTO reservations (order_number, item, pieces) VALUES ($1, $2, $3)")
        .bind(wish.order)
        .bind(&wish.item)
        .bind(wish.pieces)
        .execute(&mut *once.transaction)
        .await?;
    Ok(once.end(Reply::new(StatusCode::CREATED, &wish)).await?)
}

/// Whether an order has released the item: what it asked for before, and comes now, is not for anybody.
async fn is_released(transaction: &mut Tx, wish: &Wish) -> sqlx::Result<bool> {
    let any = "SELECT EXISTS (SELECT 1 FROM releases WHERE order_number = $1 AND item = $2)";
    sqlx::query_scalar(any).bind(wish.order).bind(&wish.item).fetch_one(&mut **transaction).await
}

async fn pack(Asked { wish: packing, mut once }: Asked<Item>) -> Result<Reply, Failure> {
    let pack = "UPDATE reservations SET packed = packed + 1 WHERE order_number = $1 AND item = $2";
    let packed = sqlx::query(pack)
        .bind(packing.order)
        .bind(&packing.item)
        .execute(&mut *once.transaction)
        .await?;
    let reply = match packed.rows_affected() {
        0 => Reply::refusal(StatusCode::UNPROCESSABLE_ENTITY, "nothing is reserved of it"),
        _ => Reply::new(StatusCode::CREATED, &packing),
    };
    Ok(once.end(reply).await?)
}

/// Puts back what is kept of an item for an order, packed or not, and keeps in mind that it was released.
async fn release(Asked { wish, mut once }: Asked<Item>) -> Result<Reply, Failure> {
    let kept = "DELETE FROM reservations WHERE order_number = $1 AND item = $2 RETURNING pieces";
    let kept: Vec<i64> = sqlx::query_scalar(kept)
        .bind(wish.order)
        .bind(&wish.item)
        .fetch_all(&mut *once.transaction)
        .await?;
    let pieces: i64 = kept.iter().sum();
    sqlx::query("UPDATE stock SET pieces = pieces + $2 WHERE item = $1")
        .bind(&wish.item)
        .bind(pieces)
        .execute(&mut *once.transaction)
        .await?;
    sqlx::query("INSERT INTO releases (order_number, item, pieces) VALUES ($1, $2, $3)")
        .bind(wish.order)
        .bind(&wish.item)
        .bind(pieces)
        .execute(&mut *once.transaction)
        .await?;
    Ok(once.end(Reply::new(StatusCode::CREATED, &wish)).await?)
}
