//! `sys_deployment`: what was uploaded.

use super::{Column, NO_ACCESS, Rows, Table, Ty, column};
use crate::deploy::DeploymentView;
use crate::sql::cell::Cell;
use crate::sql::plan::{Accesses, Wanted};
use crate::sql::source::{Fault, Source};
use std::sync::Arc;

pub struct Deployments;

impl Table for Deployments {
    type Row = Arc<DeploymentView>;
    const NAME: &'static str = "sys_deployment";
    const ABOUT: &'static str = "Uploaded components.";
    const KEY: &'static [&'static str] = &["id"];
    const ACCESSES: Accesses = NO_ACCESS;

    fn columns() -> &'static [Column<Self::Row>] {
        COLUMNS
    }

    fn scan(source: &Source, _: &Wanted) -> Result<Rows<Self::Row>, Fault> {
        Ok(Box::new(source.deployments.list().into_iter().map(Ok)))
    }
}

static COLUMNS: &[Column<Arc<DeploymentView>>] = &[
    column("id", Ty::Text, "Its id.", |it| Ok(it.row.id.as_str().into())),
    column("ty", Ty::Text, "wasm: a component that runs within the server.", |_| Ok("wasm".into())),
    column("created_at", Ty::Time, "When it was uploaded.", |it| Ok(it.row.created_at.into())),
    column("services", Ty::Json, "The names of its services.", |it| {
        Ok(Cell::json(&it.row.services.iter().map(|service| &service.name).collect::<Vec<_>>()))
    }),
    column("size_bytes", Ty::Integer, "Bytes of the component.", |it| Ok(it.row.size_bytes.into())),
    column("sdk", Ty::Text, "The SDK it was built with.", |it| Ok((&it.row.sdk).into())),
    // The values may be secrets.
    column("env_names", Ty::Json, "The names of its environment variables.", |it| {
        Ok(Cell::json(&it.row.settings.env.keys().collect::<Vec<_>>()))
    }),
    column("allowed_hosts", Ty::Json, "The hosts that its run blocks may reach.", |it| {
        Ok(Cell::json(&it.row.settings.allowed_hosts))
    }),
];
