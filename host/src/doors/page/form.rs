//! What somebody sends with a form.

use axum::Form;
use axum::body::Body;
use axum::extract::{FromRequest as _, Request};
use serde::de::DeserializeOwned;

use crate::doors::body;
use crate::doors::page::state::Page;
use crate::doors::refusal::{Kind, Refusal};
use crate::doors::runs::SMALL;

/// Reads a form, within the bounds of all bodies.
pub(super) async fn read<T: DeserializeOwned>(page: &Page, request: Request) -> Result<T, Refusal> {
    let (parts, body) = request.into_parts();
    let (bytes, _held) = body::read(&parts.headers, body, SMALL, &page.bodies).await?;
    let request = Request::from_parts(parts, Body::from(bytes));
    let form = Form::from_request(request, &()).await;
    let Form(sent) =
        form.map_err(|rejection| Refusal::new(&Kind::BROKEN_BODY, rejection.body_text()))?;
    Ok(sent)
}
