//! The description of the management API, made from the handlers themselves.

use std::sync::Arc;

use axum::Extension;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

/// What stands at the head of the document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Segno management API",
        description = "Durable workflows in a WebAssembly sandbox: start runs, look at them, deploy modules. \
                       Errors are RFC 9457 problem details.",
    ),
    tags(
        (name = "runs", description = "Runs of workflows"),
        (name = "jobs", description = "What is done to many runs at once"),
        (name = "modules", description = "The components that hold the workflows"),
        (name = "host", description = "The host itself"),
    ),
    modifiers(&BearerToken),
    security(("token" = [])),
)]
pub(super) struct Head;

struct BearerToken;

impl Modify for BearerToken {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        document.components.get_or_insert_default().add_security_scheme("token", scheme);
    }
}

/// The document, as it is served.
#[derive(Clone)]
pub(super) struct Document(pub(super) Arc<str>);

/// Gives this description.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "getDescription",
    tag = "host",
    responses((status = 200, description = "An OpenAPI 3.1 document", body = serde_json::Value))
)]
pub(super) async fn get(Extension(Document(document)): Extension<Document>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], document.to_string())
}
