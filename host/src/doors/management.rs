//! The management API: every route of it, and what stands before them all.

use axum::extract::FromRef;
use axum::http::Uri;
use axum::{Extension, Router, middleware};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::doors::auth;
use crate::doors::bodies::Bodies;
use crate::doors::openapi::{self, Document, Head};
use crate::doors::page::{self, Logins};
use crate::doors::refusal::{Kind, Refusal, unknown_method};
use crate::doors::tokens::Keyring;
use crate::doors::{
    backup, batches, deletions, fork, health, hooks, host_pause, jobs, metrics, modules, queries,
    retry, runs, signals, streams, workflows,
};
use crate::engine::{Door, Engine, Supervisor};

/// The management API on an engine, and the page where there are logins for it. Every route of the API but `/healthz`
/// asks for a token, and for one that has the right: to read, to operate, or to deploy.
pub fn management(current: Supervisor, keyring: Keyring, page: Option<Logins>) -> Router {
    let (router, description) = routes().split_for_parts();
    let json = description.to_json().expect("the document is made of JSON values");
    // The page is at the same door.
    let bodies = Bodies::new();
    let guarded = router
        .layer((Extension(Document(json.into())), Extension(bodies.clone())))
        .with_state(current.clone());
    let mut all = dressed(guarded, keyring.clone());
    if let Some(logins) = page {
        all = all.merge(page::page(current.clone(), keyring, logins, bodies));
    }
    metrics::counted(all, current, Door::Management)
}

/// The OpenAPI document of the management API, as JSON.
#[must_use]
pub fn openapi_document() -> String {
    routes().into_openapi().to_json().expect("the document is made of JSON values")
}

/// All routes, each with its description.
fn routes() -> OpenApiRouter<Supervisor> {
    OpenApiRouter::with_openapi(Head::openapi())
        .routes(routes!(workflows::get))
        .routes(routes!(workflows::start))
        .routes(routes!(runs::list))
        .routes(routes!(runs::count))
        .routes(routes!(runs::get, deletions::delete))
        .routes(routes!(runs::events))
        .routes(routes!(runs::cancel))
        .routes(routes!(runs::resume))
        .routes(routes!(runs::pause))
        .routes(routes!(retry::retry))
        .routes(routes!(jobs::move_run))
        .routes(routes!(runs::run_again))
        .routes(routes!(fork::fork))
        .routes(routes!(runs::retry_now))
        .routes(routes!(runs::wake))
        .routes(routes!(signals::send))
        .routes(routes!(batches::send))
        .routes(routes!(queries::ask))
        .routes(routes!(streams::list))
        .routes(routes!(streams::read))
        .routes(routes!(hooks::list))
        .routes(routes!(hooks::get, hooks::resume))
        .routes(routes!(modules::deploy, modules::list))
        .routes(routes!(jobs::make, jobs::list))
        .routes(routes!(jobs::get))
        .routes(routes!(jobs::refusals))
        .routes(routes!(jobs::stop))
        .routes(routes!(host_pause::pause))
        .routes(routes!(host_pause::resume))
        .routes(routes!(backup::make))
        .routes(routes!(health::check))
        .routes(routes!(health::report))
        .routes(routes!(metrics::show))
        .routes(routes!(openapi::get))
}

/// Each request is answered by the engine that is current when it comes.
impl FromRef<Supervisor> for Engine {
    fn from_ref(current: &Supervisor) -> Self {
        current.engine()
    }
}

/// Puts before the routes what is the same for all: who may ask, and what is said where there is no
/// route.
fn dressed(router: Router, keyring: Keyring) -> Router {
    router
        .fallback(unknown_route)
        .method_not_allowed_fallback(unknown_method)
        .layer(middleware::from_fn_with_state(keyring, auth::check))
}

async fn unknown_route(uri: Uri) -> Refusal {
    let detail =
        format!("there is no route {}; /openapi.json lists those that there are", uri.path());
    Refusal::new(&Kind::UNKNOWN_ROUTE, detail)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::openapi_document;

    #[test]
    fn every_route_is_described() {
        let document: Value = serde_json::from_str(&openapi_document()).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let mut routes: Vec<_> = paths
            .iter()
            .flat_map(|(path, item)| {
                item.as_object().unwrap().keys().map(move |verb| format!("{verb} {path}"))
            })
            .collect();
        routes.sort();
        expect_test::expect![[r#"
            delete /v1/runs/{id}
            get /healthz
            get /metrics
            get /openapi.json
            get /v1/health
            get /v1/hooks
            get /v1/hooks/{token}
            get /v1/jobs
            get /v1/jobs/{id}
            get /v1/jobs/{id}/refusals
            get /v1/modules
            get /v1/runs
            get /v1/runs/counts
            get /v1/runs/{id}
            get /v1/runs/{id}/events
            get /v1/runs/{id}/queries/{name}
            get /v1/runs/{id}/streams
            get /v1/runs/{id}/streams/{name}
            get /v1/workflows/{name}
            post /v1/backup
            post /v1/batch
            post /v1/hooks/{token}
            post /v1/jobs
            post /v1/jobs/{id}/stop
            post /v1/pause
            post /v1/resume
            post /v1/runs/{id}/cancel
            post /v1/runs/{id}/fork
            post /v1/runs/{id}/move
            post /v1/runs/{id}/pause
            post /v1/runs/{id}/resume
            post /v1/runs/{id}/retry
            post /v1/runs/{id}/retry-now
            post /v1/runs/{id}/run-again
            post /v1/runs/{id}/signals/{name}
            post /v1/runs/{id}/wake
            post /v1/workflows/{name}/runs
            put /v1/modules"#]]
        .assert_eq(&routes.join("\n"));
    }

    #[test]
    fn every_reference_of_the_description_leads_somewhere() {
        let document: Value = serde_json::from_str(&openapi_document()).unwrap();
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
