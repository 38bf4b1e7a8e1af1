//! What the ingress takes for one service, as an OpenAPI 3.1 document: for those who write clients, and
//! for tools that make them. Handlers that the ingress refuses are left out.

use crate::deploy::ServiceView;
use crate::http::AppState;
use crate::http::error::AdminError;
use abide_core::manifest::{HandlerManifest, Payload, ServiceKind};
use axum::Json;
use axum::extract::{Path, State};
use http::{HeaderMap, Uri};
use serde_json::{Map, Value, json};

/// Describes what the ingress takes for a service: an OpenAPI document.
#[utoipa::path(
    get,
    path = "/services/{name}/openapi",
    tag = "services",
    params(("name" = String, Path, description = "The service")),
    responses((status = 200, body = serde_json::Value)),
)]
pub async fn describe(
    State(state): State<AppState>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>, AdminError> {
    let view = state.deployments.service(&name).ok_or(AdminError::UnknownService(name))?;
    Ok(Json(document(&view, &state.ingress_url.seen_by(&uri, &headers))))
}

/// Returns the document of a service.
pub fn document(view: &ServiceView, ingress_url: &str) -> Value {
    let mut schemas =
        Map::from_iter([("Error".to_owned(), error_schema()), ("Accepted".to_owned(), accepted_schema())]);
    let mut paths = Map::new();
    let is_public = |handler: &&HandlerManifest| !view.manifest.is_private && !handler.options.is_private;
    for handler in view.manifest.handlers.iter().filter(is_public) {
        let operations = Operations { view, handler };
        schemas.extend(operations.schema("Input", &handler.input));
        schemas.extend(operations.schema("Output", &handler.output));
        paths.insert(operations.path("call"), json!({ "post": operations.call() }));
        paths.insert(operations.path("send"), json!({ "post": operations.send() }));
        if view.manifest.is_workflow_run(&handler.name) {
            for (verb, operation) in operations.retrievals() {
                paths.insert(operations.workflow_path(verb), json!({ "get": operation }));
            }
        }
    }
    let description = view.manifest.docs.clone().unwrap_or_else(|| format!("The handlers of {}.", view.name));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": view.name,
            "version": view.revision.to_string(),
            "description": description,
        },
        "servers": [{ "url": ingress_url, "description": "The ingress." }],
        "paths": paths,
        "components": { "schemas": schemas },
        "tags": [{ "name": view.name, "description": description }],
    })
}

/// The operations of one handler.
struct Operations<'a> {
    view: &'a ServiceView,
    handler: &'a HandlerManifest,
}

impl Operations<'_> {
    fn is_keyed(&self) -> bool {
        self.view.kind != ServiceKind::Service
    }

    fn is_workflow_run(&self) -> bool {
        self.view.manifest.is_workflow_run(&self.handler.name)
    }

    fn path(&self, verb: &str) -> String {
        let key = if self.is_keyed() { "/{key}" } else { "" };
        format!("/restate/{verb}/{}{key}/{}", self.view.name, self.handler.name)
    }

    fn workflow_path(&self, verb: &str) -> String {
        format!("/restate/workflow/{}/{{key}}/{verb}", self.view.name)
    }

    fn schema_name(&self, what: &str) -> String {
        let plain = |char: char| if char.is_ascii_alphanumeric() { char } else { '_' };
        format!("{}{what}", self.handler.name.chars().map(plain).collect::<String>())
    }

    /// Returns the guest's schema of a payload under its name; None where it gave none.
    fn schema(&self, what: &str, payload: &Payload) -> Option<(String, Value)> {
        let mut schema: Value = serde_json::from_str(payload.schema.as_deref()?).ok()?;
        let name = self.schema_name(what);
        if let Some(fields) = schema.as_object_mut() {
            fields.remove("$schema");
        }
        move_references(&mut schema, &format!("#/components/schemas/{name}"));
        Some((name, schema))
    }

    /// Returns the content of a body; None: there is no body.
    fn content(&self, what: &str, payload: &Payload) -> Option<Value> {
        let content_type = payload.content_type.as_ref()?;
        let schema = match self.schema(what, payload) {
            Some((name, _)) => json!({ "$ref": format!("#/components/schemas/{name}") }),
            None => json!({}),
        };
        Some(json!({ content_type: { "schema": schema } }))
    }

    fn parameters(&self) -> Vec<Value> {
        let mut parameters = Vec::new();
        if self.is_keyed() {
            parameters.push(key_parameter());
        }
        // The run of a workflow is the only one of its key without it.
        if !self.is_workflow_run() {
            parameters.push(json!({
                "name": "idempotency-key", "in": "header", "required": false, "schema": { "type": "string" },
                "description": "The same request with the same key is done once; its answer is kept and given again.",
            }));
        }
        parameters
    }

    fn operation(&self, verb: &str, summary: String, parameters: Vec<Value>, answers: Value) -> Value {
        let mut operation = json!({
            "operationId": format!("{verb}_{}", self.handler.name),
            "summary": summary,
            "tags": [self.view.name],
            "parameters": parameters,
            "responses": answers,
        });
        if let Some(docs) = &self.handler.docs {
            operation["description"] = docs.clone().into();
        }
        operation
    }

    fn with_body(&self, mut operation: Value) -> Value {
        if let Some(content) = self.content("Input", &self.handler.input) {
            operation["requestBody"] = json!({ "required": true, "content": content });
        }
        operation
    }

    fn call(&self) -> Value {
        let summary = format!("Calls {} and waits for its answer.", self.handler.name);
        let mut answers = errors(&["400", "404", "409", "500", "503"]);
        answers["200"] = self.answer();
        self.with_body(self.operation("call", summary, self.parameters(), answers))
    }

    fn send(&self) -> Value {
        let summary = format!("Asks for {}, now or later, and does not wait.", self.handler.name);
        let mut parameters = self.parameters();
        parameters.push(json!({
            "name": "delay", "in": "query", "required": false, "schema": { "type": "string" }, "example": "10s",
            "description": "How long it is put off: 10s, 1h 30m, or ISO 8601.",
        }));
        let mut answers = errors(&["400", "404", "500", "503"]);
        answers["202"] = json!({
            "description": "It is recorded and will be done, or was asked for before.",
            "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Accepted" } } },
        });
        self.with_body(self.operation("send", summary, parameters, answers))
    }

    fn retrievals(&self) -> [(&'static str, Value); 2] {
        let operation = |verb, summary: &str, statuses: &[&str]| {
            let mut answers = errors(statuses);
            answers["200"] = self.answer();
            (verb, self.operation(verb, summary.to_owned(), vec![key_parameter()], answers))
        };
        [
            operation("attach", "Waits for what the workflow comes to.", &["404", "500", "503"]),
            operation(
                "output",
                "Returns what the workflow came to, if it has ended.",
                &["404", "470", "500", "503"],
            ),
        ]
    }

    fn answer(&self) -> Value {
        let mut answer = json!({
            "description": "What the handler returned.",
            "headers": {
                "x-restate-id": { "description": "The id of the invocation.", "schema": { "type": "string" } },
            },
        });
        if let Some(content) = self.content("Output", &self.handler.output) {
            answer["content"] = content;
        }
        answer
    }
}

fn key_parameter() -> Value {
    json!({
        "name": "key", "in": "path", "required": true, "schema": { "type": "string" },
        "description": "The key of the object or workflow, percent-encoded.",
    })
}

fn errors(statuses: &[&str]) -> Value {
    let description = |status: &str| match status {
        "400" => "The request makes no sense for this handler.",
        "404" => "There is no such service, handler or invocation.",
        "409" => "It was cancelled or killed, or this workflow has run before.",
        "470" => "It has not ended.",
        "503" => "The server takes no work now.",
        _ => "The handler failed for good; it may choose another status, too.",
    };
    let error = |status: &&str| {
        let schema = json!({ "$ref": "#/components/schemas/Error" });
        let content = json!({ "application/json": { "schema": schema } });
        ((*status).to_owned(), json!({ "description": description(status), "content": content }))
    };
    Value::Object(statuses.iter().map(error).collect())
}

fn error_schema() -> Value {
    json!({
        "type": "object",
        "required": ["code", "message"],
        "properties": {
            "code": { "type": "integer", "description": "The status, or the one the handler chose." },
            "message": { "type": "string" },
            "source": {
                "type": "string", "enum": ["ingress", "invocation"],
                "description": "Whether the request was refused, or its handler failed.",
            },
            "metadata": { "type": "object", "additionalProperties": { "type": "string" } },
        },
    })
}

fn accepted_schema() -> Value {
    json!({
        "type": "object",
        "required": ["invocationId", "status"],
        "properties": {
            "invocationId": { "type": "string" },
            "executionTime": { "type": "string", "format": "date-time", "description": "When it begins, if later." },
            "status": { "type": "string", "enum": ["Accepted", "PreviouslyAccepted"] },
        },
    })
}

/// A schema refers to its own parts, which are elsewhere in the document now.
fn move_references(schema: &mut Value, to: &str) {
    match schema {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(reference) if name == "$ref" => {
                        if let Some(part) = reference.strip_prefix('#') {
                            *reference = format!("{to}{part}");
                        }
                    }
                    value => move_references(value, to),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| move_references(item, to)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::ids::DeploymentId;
    use abide_core::manifest::{HandlerMode, HandlerOptions, ServiceManifest};

    const SCHEMA: &str = r##"{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"Order",
        "type":"object","properties":{"items":{"type":"array","items":{"$ref":"#/$defs/Item"}},
        "next":{"$ref":"#"}},"$defs":{"Item":{"type":"string"}}}"##;

    fn handler(name: &str, mode: HandlerMode, schema: Option<&str>) -> HandlerManifest {
        let json = || Some("application/json".to_owned());
        HandlerManifest {
            name: name.into(),
            mode,
            input: Payload { content_type: json(), schema: schema.map(str::to_owned) },
            output: Payload { content_type: json(), schema: None },
            docs: Some(format!("About {name}.")),
            options: HandlerOptions::default(),
        }
    }

    fn service(kind: ServiceKind, handlers: Vec<HandlerManifest>) -> Value {
        let manifest = ServiceManifest { name: "Shop".into(), kind, handlers, docs: None, is_private: false };
        let deployment = DeploymentId::from_digest(1);
        let view =
            ServiceView { name: "Shop".into(), kind, revision: 3, deployment, manifest: manifest.into() };
        document(&view, "http://localhost:8080")
    }

    fn paths(document: &Value) -> Vec<String> {
        document["paths"].as_object().unwrap().keys().cloned().collect()
    }

    #[test]
    fn handlers_are_paths_with_their_schemas() {
        let mut private = handler("hidden", HandlerMode::Exclusive, None);
        private.options.is_private = true;
        let handlers = vec![handler("order", HandlerMode::Exclusive, Some(SCHEMA)), private];
        let document = service(ServiceKind::Object, handlers);
        assert_eq!(paths(&document), ["/restate/call/Shop/{key}/order", "/restate/send/Shop/{key}/order"]);
        let call = &document["paths"]["/restate/call/Shop/{key}/order"]["post"];
        let schema = "#/components/schemas/orderInput";
        assert_eq!(call["requestBody"]["content"]["application/json"]["schema"]["$ref"], schema);
        let names: Vec<_> =
            call["parameters"].as_array().unwrap().iter().map(|given| &given["name"]).collect();
        assert_eq!(names, ["key", "idempotency-key"]);
        let input = &document["components"]["schemas"]["orderInput"];
        assert_eq!(input["properties"]["items"]["items"]["$ref"], format!("{schema}/$defs/Item"));
        assert_eq!(input["properties"]["next"]["$ref"], schema);
        assert!(input.get("$schema").is_none());
    }

    #[test]
    fn a_workflow_is_waited_for_by_its_key() {
        let handlers =
            vec![handler("run", HandlerMode::Exclusive, None), handler("peek", HandlerMode::Shared, None)];
        let document = service(ServiceKind::Workflow, handlers);
        let attach = &document["paths"]["/restate/workflow/Shop/{key}/attach"]["get"];
        assert_eq!(attach["parameters"][0]["name"], "key");
        assert!(paths(&document).contains(&"/restate/workflow/Shop/{key}/output".to_owned()));
        let run = &document["paths"]["/restate/call/Shop/{key}/run"]["post"];
        assert_eq!(run["parameters"].as_array().unwrap().len(), 1, "a run has no idempotency key");
    }

    /// Every reference leads somewhere, and every parameter of a path is described.
    #[test]
    fn the_document_is_sound() {
        let handlers = vec![
            handler("order", HandlerMode::Exclusive, Some(SCHEMA)),
            handler("look-up", HandlerMode::Shared, Some("true")),
        ];
        for kind in [ServiceKind::Service, ServiceKind::Object, ServiceKind::Workflow] {
            let document = service(kind, handlers.clone());
            crate::http::admin::openapi_check::check(&document);
        }
    }
}
