//! What an upload would come to, before it is done: what it offers, what it takes over, who could not go on.

use crate::http::admin::checks::{self, ReportView};
use crate::http::admin::services::{self, HandlerDetails};
use crate::http::admin::shapes::NotCarriedOverShape;
use crate::upgrade::{Offer, Preview, Refusal, Report, UploadOptions};
use crate::words::service_ty;
use serde::Serialize;
use utoipa::ToSchema;

/// What would become of an upload.
#[derive(Serialize, ToSchema)]
pub struct DryRun {
    id: String,
    is_dry_run: bool,
    size_bytes: u64,
    /// False: the same component is a deployment already.
    is_new: bool,
    /// The code of the error that the upload would come to, if any.
    refusal: Option<&'static str>,
    services: Vec<OfferView>,
    check: ReportView,
    /// What the deployments have that offer the services now, and the upload has not.
    #[serde(skip_serializing_if = "Option::is_none")]
    settings_not_carried_over: Option<NotCarriedOverShape>,
}

/// A service that an upload would offer.
#[derive(Serialize, ToSchema)]
#[schema(as = ServiceOffer)]
struct OfferView {
    name: String,
    ty: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    documentation: Option<String>,
    public: bool,
    /// Nobody offers it now.
    is_new: bool,
    /// The other deployment that its calls go to now.
    #[serde(skip_serializing_if = "Option::is_none")]
    takes_over_from: Option<String>,
    /// Handlers that the service does not have now.
    handlers_added: Vec<String>,
    /// Handlers that the service has now, and would not have any more.
    handlers_removed: Vec<String>,
    handlers: Vec<HandlerDetails>,
}

/// Returns what is answered to a dry run.
pub fn view(preview: &Preview, report: &Report, options: UploadOptions) -> DryRun {
    let refusal = report.refusal(options).map(|refusal| match refusal {
        Refusal::Breaks => "breaking_change",
        Refusal::Diverges => "upgrade_diverges",
    });
    DryRun {
        id: report.deployment.to_string(),
        is_dry_run: true,
        size_bytes: preview.size_bytes,
        is_new: preview.is_new,
        refusal,
        services: preview.services.iter().map(offer).collect(),
        check: checks::view(report),
        settings_not_carried_over: NotCarriedOverShape::of(&preview.not_carried_over),
    }
}

fn offer(offer: &Offer) -> OfferView {
    let manifest = &offer.manifest;
    OfferView {
        name: manifest.name.clone(),
        ty: service_ty(manifest.kind),
        documentation: manifest.docs.clone(),
        public: !manifest.is_private,
        is_new: offer.is_new,
        takes_over_from: offer.takes_over_from.as_ref().map(ToString::to_string),
        handlers_added: offer.handlers_added.clone(),
        handlers_removed: offer.handlers_removed.clone(),
        handlers: services::handlers_of(manifest),
    }
}
