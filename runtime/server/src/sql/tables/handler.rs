//! `sys_handler`: the handlers of what is offered.

use super::{Column, NO_ACCESS, Rows, Table, Ty, column};
use crate::deploy::ServiceView;
use crate::sql::plan::{Accesses, Wanted};
use crate::sql::source::{Fault, Source};
use crate::time::friendly;
use crate::words::handler_ty;
use abide_core::manifest::HandlerManifest;
use std::sync::Arc;

pub struct Handlers;

pub struct Handler {
    service: Arc<ServiceView>,
    index: usize,
}

impl Handler {
    fn manifest(&self) -> &HandlerManifest {
        &self.service.manifest.handlers[self.index]
    }
}

impl Table for Handlers {
    type Row = Handler;
    const NAME: &'static str = "sys_handler";
    const ABOUT: &'static str = "Handlers as new calls see them.";
    const KEY: &'static [&'static str] = &["service_name", "name"];
    const ACCESSES: Accesses = NO_ACCESS;

    fn columns() -> &'static [Column<Handler>] {
        COLUMNS
    }

    fn scan(source: &Source, _: &Wanted) -> Result<Rows<Handler>, Fault> {
        let handlers = |service: Arc<ServiceView>| {
            (0..service.manifest.handlers.len())
                .map(move |index| Ok(Handler { service: service.clone(), index }))
        };
        Ok(Box::new(source.deployments.services().into_iter().flat_map(handlers)))
    }
}

static COLUMNS: &[Column<Handler>] = &[
    column("service_name", Ty::Text, "Its service.", |it| Ok((&it.row.service.name).into())),
    column("name", Ty::Text, "Its name.", |it| Ok((&it.row.manifest().name).into())),
    column("ty", Ty::Text, "Exclusive, Shared or Workflow; NULL for plain services.", |it| {
        Ok(handler_ty(it.row.service.kind, it.row.manifest().mode).into())
    }),
    column("public", Ty::Boolean, "The ingress may call it.", |it| {
        Ok((!it.row.service.manifest.is_private && !it.row.manifest().options.is_private).into())
    }),
    column("deployment_id", Ty::Text, "The code that new calls run on.", |it| {
        Ok(it.row.service.deployment.as_str().into())
    }),
    column("input_content_type", Ty::Text, "What it takes; NULL for nothing.", |it| {
        Ok(it.row.manifest().input.content_type.as_deref().into())
    }),
    column("output_content_type", Ty::Text, "What it answers; NULL for nothing.", |it| {
        Ok(it.row.manifest().output.content_type.as_deref().into())
    }),
    column("input_json_schema", Ty::Text, "The schema of what it takes.", |it| {
        Ok(it.row.manifest().input.schema.as_deref().into())
    }),
    column("output_json_schema", Ty::Text, "The schema of what it answers.", |it| {
        Ok(it.row.manifest().output.schema.as_deref().into())
    }),
    column(
        "retry_max_attempts",
        Ty::Integer,
        "After so many attempts it is not tried again; NULL: no limit.",
        |it| Ok(it.row.manifest().options.retry.policy.max_attempts.into()),
    ),
    column("idempotency_retention", Ty::Text, "How long answers to idempotency keys are kept.", |it| {
        Ok(friendly(it.row.manifest().options.retention.idempotency_ms).into())
    }),
    column("journal_retention", Ty::Text, "How long journals are kept.", |it| {
        Ok(friendly(it.row.manifest().options.retention.journal_ms).into())
    }),
    column("documentation", Ty::Text, "What its author says of it.", |it| {
        Ok(it.row.manifest().docs.as_deref().into())
    }),
];
