//! The description of the admin API, made from the code of its handlers.

use axum::{Extension, Json};
use serde::Serialize;
use std::sync::Arc;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{self, ContentBuilder, OpenApi, PathItem, Ref, ResponseBuilder};
use utoipa::{OpenApi as _, ToSchema};

/// What an error says.
#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
pub struct ErrorShape {
    /// For programs; never changes its meaning.
    code: String,
    message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// What of the request it is about, where that has a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Abide admin API", description = "Deploys components, and shows and controls what they run."),
    components(schemas(ErrorShape)),
    tags(
        (name = "server", description = "The server itself"),
        (name = "tokens", description = "Who may come in"),
        (name = "deployments", description = "Uploaded components"),
        (name = "services", description = "What the deployments offer"),
        (name = "objects", description = "Virtual objects and workflows: state, keys and promises"),
        (name = "invocations", description = "What runs, waits, and has ended"),
        (name = "sql", description = "Everything that is stored, read-only"),
    )
)]
struct Document;

/// Returns the document before any route is in it.
pub fn document() -> OpenApi {
    Document::openapi()
}

/// Completes a document that has all routes: each may answer with an error, each answer is described, and
/// each operation has an id of its own.
pub fn complete(mut document: OpenApi) -> OpenApi {
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            operation.operation_id = Some(operation_id(method, path));
            describe_answers(operation);
            add_error(operation);
        }
    }
    document
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    let methods = [("get", get), ("put", put), ("post", post), ("delete", delete), ("patch", patch)];
    methods.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// Returns `get_services_name_state` for `GET /services/{name}/state`: for programs that make clients.
fn operation_id(method: &str, path: &str) -> String {
    let words = path.split(|char: char| !char.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.fold(method.to_owned(), |id, word| id + "_" + word)
}

/// OpenAPI wants words for each answer, also where its schema says everything.
fn describe_answers(operation: &mut Operation) {
    for answer in operation.responses.responses.values_mut() {
        if let openapi::RefOr::T(answer) = answer
            && answer.description.is_empty()
        {
            answer.description = "What was asked for".to_owned();
        }
    }
}

fn add_error(operation: &mut Operation) {
    let schema = Ref::from_schema_name(ErrorShape::name());
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let error = ResponseBuilder::new()
        .description("Why the request was refused, or could not be done")
        .content("application/json", content)
        .build();
    operation.responses.responses.insert("default".to_owned(), openapi::RefOr::T(error));
}

/// Describes this API: an OpenAPI document.
#[utoipa::path(get, path = "/openapi", tag = "server", responses((status = 200, body = serde_json::Value)))]
pub async fn describe(Extension(document): Extension<Arc<OpenApi>>) -> Json<Arc<OpenApi>> {
    Json(document)
}
