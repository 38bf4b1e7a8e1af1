//! `sys_service`: what is offered, at its newest revision.

use super::{Column, NO_ACCESS, Rows, Table, Ty, column};
use crate::deploy::ServiceView;
use crate::sql::plan::{Accesses, Wanted};
use crate::sql::source::{Fault, Source};
use crate::words::service_ty;
use std::sync::Arc;

pub struct Services;

impl Table for Services {
    type Row = Arc<ServiceView>;
    const NAME: &'static str = "sys_service";
    const ABOUT: &'static str = "Services as new calls see them.";
    const KEY: &'static [&'static str] = &["name"];
    const ACCESSES: Accesses = NO_ACCESS;

    fn columns() -> &'static [Column<Self::Row>] {
        COLUMNS
    }

    fn scan(source: &Source, _: &Wanted) -> Result<Rows<Self::Row>, Fault> {
        Ok(Box::new(source.deployments.services().into_iter().map(Ok)))
    }
}

static COLUMNS: &[Column<Arc<ServiceView>>] = &[
    column("name", Ty::Text, "Its name.", |it| Ok((&it.row.name).into())),
    column("revision", Ty::Integer, "Counts the deployments that offered it.", |it| {
        Ok(it.row.revision.into())
    }),
    column("public", Ty::Boolean, "The ingress may call it.", |it| Ok((!it.row.manifest.is_private).into())),
    column("ty", Ty::Text, "Service, VirtualObject or Workflow.", |it| Ok(service_ty(it.row.kind).into())),
    column("deployment_id", Ty::Text, "The code that new calls run on.", |it| {
        Ok(it.row.deployment.as_str().into())
    }),
    column("documentation", Ty::Text, "What its author says of it.", |it| {
        Ok(it.row.manifest.docs.as_deref().into())
    }),
];
