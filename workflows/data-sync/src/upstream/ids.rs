//! The IDs in what subscribers are sent.

/// The ID of an order.
pub(super) fn order_id(number: i64) -> String {
    format!("order-{number:05}")
}

/// The ID by which subscribers know a notification that comes twice.
pub(super) fn delivery_id(number: i64) -> String {
    format!("delivery-{number:06}")
}
