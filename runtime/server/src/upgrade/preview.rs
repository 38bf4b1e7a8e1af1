//! What an upload would offer, beside what is offered now: for a person who asks before it is done.

use super::NotCarriedOver;
use crate::deploy::{Candidate, Deployments, ServiceView};
use abide_core::ids::DeploymentId;
use abide_core::manifest::{HandlerManifest, ServiceManifest};

/// An upload that was only looked at.
#[derive(Clone, Debug)]
pub struct Preview {
    pub size_bytes: u64,
    /// False: the same component is a deployment already.
    pub is_new: bool,
    pub services: Vec<Offer>,
    pub not_carried_over: NotCarriedOver,
}

/// A service, and what would change of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    pub manifest: ServiceManifest,
    /// Nobody offers it now.
    pub is_new: bool,
    /// The other deployment that calls of it go to now.
    pub takes_over_from: Option<DeploymentId>,
    pub handlers_added: Vec<String>,
    pub handlers_removed: Vec<String>,
}

impl Preview {
    #[must_use]
    pub fn of(candidate: &Candidate, not_carried_over: NotCarriedOver, deployments: &Deployments) -> Self {
        let offer = |manifest: &ServiceManifest| {
            offer(&candidate.id, manifest, deployments.service(&manifest.name).as_deref())
        };
        Self {
            size_bytes: candidate.size_bytes,
            is_new: deployments.get(&candidate.id).is_none(),
            services: candidate.examined.manifest.services.iter().map(offer).collect(),
            not_carried_over,
        }
    }
}

fn offer(id: &DeploymentId, manifest: &ServiceManifest, now: Option<&ServiceView>) -> Offer {
    let (wanted, known) = (names(&manifest.handlers), now.map(|now| names(&now.manifest.handlers)));
    let beyond = |these: &[String], those: &[String]| {
        these.iter().filter(|name| !those.contains(name)).cloned().collect::<Vec<_>>()
    };
    Offer {
        manifest: manifest.clone(),
        is_new: now.is_none(),
        takes_over_from: now.map(|now| now.deployment.clone()).filter(|other| other != id),
        handlers_added: known.as_ref().map(|known| beyond(&wanted, known)).unwrap_or_default(),
        handlers_removed: known.as_ref().map(|known| beyond(known, &wanted)).unwrap_or_default(),
    }
}

fn names(handlers: &[HandlerManifest]) -> Vec<String> {
    handlers.iter().map(|handler| handler.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::manifest::{HandlerMode, HandlerOptions, Payload, ServiceKind};
    use std::sync::Arc;

    fn service(handlers: &[&str]) -> ServiceManifest {
        let handler = |name: &&str| HandlerManifest {
            name: (*name).into(),
            mode: HandlerMode::Shared,
            input: Payload::default(),
            output: Payload::default(),
            docs: None,
            options: HandlerOptions::default(),
        };
        ServiceManifest {
            name: "Shop".into(),
            kind: ServiceKind::Service,
            handlers: handlers.iter().map(handler).collect(),
            docs: None,
            is_private: false,
        }
    }

    fn offered(id: &DeploymentId, handlers: &[&str]) -> ServiceView {
        let manifest = Arc::new(service(handlers));
        ServiceView {
            name: "Shop".into(),
            kind: ServiceKind::Service,
            revision: 1,
            deployment: id.clone(),
            manifest,
        }
    }

    #[test]
    fn what_comes_and_goes_is_told_of_services_that_are_there() {
        let (this, other) = (DeploymentId::from_digest(1), DeploymentId::from_digest(2));
        let wanted = service(&["order", "refund"]);
        let seen = |now: Option<ServiceView>| {
            let offer = offer(&this, &wanted, now.as_ref());
            (offer.is_new, offer.takes_over_from, offer.handlers_added, offer.handlers_removed)
        };
        assert_eq!(seen(None), (true, None, vec![], vec![]));
        let now = offered(&other, &["cancel", "order"]);
        let comes_and_goes = (vec!["refund".to_owned()], vec!["cancel".to_owned()]);
        assert_eq!(seen(Some(now)), (false, Some(other), comes_and_goes.0, comes_and_goes.1));
        assert_eq!(seen(Some(offered(&this, &["order", "refund"]))), (false, None, vec![], vec![]));
    }
}
