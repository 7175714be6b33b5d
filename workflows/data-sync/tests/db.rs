//! The database: writes can be made twice, or late, without harm.
//!
//! On a fresh SQLite file, or on `DATABASE_URL` where that is set; so no test relies on an empty table.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

use data_sync::crm_poll::Contact;
use data_sync::db::{Database, sqlite_url};
use data_sync::reconcile::Product;
use data_sync::settings::{DATABASE_URL, var};
use data_sync::webhook_sync::Change;
use segno::Timestamp;
use serde_json::{Value, json};

struct Fixture {
    db: Database,
    prefix: String,
    _directory: tempfile::TempDir,
}

impl Fixture {
    async fn new(test: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = sqlite_url(&directory.path().join("with space & 100%?.db"));
        let url = var(DATABASE_URL).unwrap_or(file);
        let db = Database::open(&url).await.unwrap();
        let prefix = format!("{test}-{}", Timestamp::now().as_nanosecond());
        Self { db, prefix, _directory: directory }
    }

    fn id(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    fn contact(&self, name: &str, second: i64) -> Contact {
        Contact {
            id: self.id("contact"),
            name: name.to_owned(),
            email: "ada@example.com".to_owned(),
            company: "Cobalt Works".to_owned(),
            city: "Kraków".to_owned(),
            updated_at: at(second),
        }
    }

    fn change(&self, delivery: &str, state: &str, second: i64) -> Change {
        Change {
            delivery_id: self.id(delivery),
            r#type: "order.updated".to_owned(),
            record_id: self.id("order"),
            updated_at: at(second),
            data: json!({ "state": state }),
        }
    }

    fn product(&self, name: &str, data: &str, second: i64) -> Product {
        Product { id: self.id(name), data: data.to_owned(), updated_at: at(second) }
    }

    async fn stored_contacts(&self) -> Vec<Contact> {
        let all = self.db.contacts().await.unwrap();
        all.into_iter().filter(|contact| contact.id.starts_with(&self.prefix)).collect()
    }

    async fn stored_order(&self) -> Option<Value> {
        self.db.orders().await.unwrap().remove(&self.id("order"))
    }

    fn mine(&self, products: Vec<Product>) -> Vec<Product> {
        products.into_iter().filter(|product| product.id.starts_with(&self.prefix)).collect()
    }
}

/// Milliseconds since 1970.
fn at(second: i64) -> i64 {
    1_700_000_000_000 + second * 1_000
}

#[tokio::test]
async fn a_contact_that_is_written_twice_is_there_once() {
    let fixture = Fixture::new("twice").await;
    let ada = fixture.contact("Ada", 1);
    fixture.db.upsert_contacts(std::slice::from_ref(&ada)).await.unwrap();
    fixture.db.upsert_contacts(std::slice::from_ref(&ada)).await.unwrap();
    assert_eq!(fixture.stored_contacts().await, [ada]);
}

#[tokio::test]
async fn an_older_contact_never_replaces_a_newer_one() {
    let fixture = Fixture::new("older").await;
    fixture.db.upsert_contacts(&[fixture.contact("new", 2)]).await.unwrap();
    fixture.db.upsert_contacts(&[fixture.contact("old", 1)]).await.unwrap();
    assert_eq!(fixture.stored_contacts().await, [fixture.contact("new", 2)]);
    fixture.db.upsert_contacts(&[fixture.contact("newer", 3)]).await.unwrap();
    assert_eq!(fixture.stored_contacts().await, [fixture.contact("newer", 3)]);
}

#[tokio::test]
async fn a_notification_that_comes_twice_takes_effect_once() {
    let fixture = Fixture::new("notified").await;
    let change = fixture.change("delivery", "paid", 1);
    assert!(fixture.db.apply_change(&change).await.unwrap());
    assert!(!fixture.db.apply_change(&change).await.unwrap());
    assert_eq!(fixture.stored_order().await, Some(json!({ "state": "paid" })));
    assert!(fixture.db.processed_notifications().await.unwrap().contains(&change.delivery_id));
}

#[tokio::test]
async fn a_notification_that_was_overtaken_changes_nothing_and_counts_as_processed() {
    let fixture = Fixture::new("overtaken").await;
    assert!(fixture.db.apply_change(&fixture.change("second", "shipped", 2)).await.unwrap());
    assert!(fixture.db.apply_change(&fixture.change("first", "paid", 1)).await.unwrap());
    assert_eq!(fixture.stored_order().await, Some(json!({ "state": "shipped" })));
    assert!(fixture.db.processed_notifications().await.unwrap().contains(&fixture.id("first")));
}

#[tokio::test]
async fn an_archived_product_keeps_its_data_and_can_come_back() {
    let fixture = Fixture::new("archived").await;
    let desk = fixture.product("desk", "desk, 400 EUR", 1);
    let lamp = fixture.product("lamp", "lamp, 40 EUR", 1);
    fixture.db.upsert_products(&[desk.clone(), lamp.clone()]).await.unwrap();
    fixture.db.archive_products(std::slice::from_ref(&desk.id)).await.unwrap();
    assert_eq!(fixture.mine(fixture.db.products().await.unwrap()), [lamp]);
    assert_eq!(fixture.mine(fixture.db.archived_products().await.unwrap()), [desk]);

    let desk = fixture.product("desk", "desk, 380 EUR", 2);
    fixture.db.upsert_products(std::slice::from_ref(&desk)).await.unwrap();
    assert!(fixture.mine(fixture.db.products().await.unwrap()).contains(&desk));
    assert_eq!(fixture.mine(fixture.db.archived_products().await.unwrap()), []);
}

#[tokio::test]
async fn opening_a_database_again_finds_everything() {
    let directory = tempfile::tempdir().unwrap();
    let url = sqlite_url(&directory.path().join("data.db"));
    let fixture = Fixture::new("again").await;
    let first = Database::open(&url).await.unwrap();
    first.upsert_contacts(&[fixture.contact("Ada", 1)]).await.unwrap();
    first.close().await;
    let second = Database::open(&url).await.unwrap();
    assert_eq!(second.contacts().await.unwrap(), [fixture.contact("Ada", 1)]);
}
