//! The description of the management API, made from the handlers themselves.

use std::sync::Arc;

use axum::Extension;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::doors::management;

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

/// The OpenAPI document of the management API, as JSON.
#[must_use]
pub fn document() -> String {
    management::routes().into_openapi().to_json().expect("the document is made of JSON values")
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

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_route_is_described() {
        let document: Value = serde_json::from_str(&document()).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let mut routes: Vec<_> = paths
            .iter()
            .flat_map(|(path, item)| {
                item.as_object().unwrap().keys().map(move |verb| format!("{verb} {path}"))
            })
            .collect();
        routes.sort();
        expect_test::expect![[r#"
            get /healthz
            get /metrics
            get /openapi.json
            get /v1/health
            get /v1/modules
            get /v1/runs
            get /v1/runs/{id}
            get /v1/runs/{id}/events
            get /v1/workflows/{name}
            post /v1/backup
            post /v1/runs/{id}/cancel
            post /v1/runs/{id}/resume
            post /v1/runs/{id}/retry-now
            post /v1/workflows/{name}/runs
            put /v1/modules"#]]
        .assert_eq(&routes.join("\n"));
    }

    #[test]
    fn every_reference_of_the_description_leads_somewhere() {
        let document: Value = serde_json::from_str(&document()).unwrap();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        let mut references = Vec::new();
        collect_references(&document, &mut references);
        assert!(references.len() > 10);
        for reference in references {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    fn collect_references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, value)| match value {
                Value::String(target) if name == "$ref" => found.push(target.clone()),
                _ => collect_references(value, found),
            }),
            Value::Array(items) => items.iter().for_each(|item| collect_references(item, found)),
            _ => {}
        }
    }
}
