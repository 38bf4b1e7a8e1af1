//! An operator changes options of a service. They last until its next deployment, which brings its own.

use super::{Deployments, ServiceView, UploadError, service_view};
use abide_core::manifest::{ServiceManifest, ServiceRow};
use abide_store::{Op, codec, keys};
use std::sync::Arc;

/// What to change; what is not named stays. Retentions are those of every handler, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServiceChange {
    pub is_public: Option<bool>,
    pub idempotency_ms: Option<u64>,
    pub workflow_ms: Option<u64>,
    pub journal_ms: Option<u64>,
}

impl ServiceChange {
    fn apply(self, manifest: &mut ServiceManifest) {
        if let Some(is_public) = self.is_public {
            manifest.is_private = !is_public;
        }
        for handler in &mut manifest.handlers {
            let retention = &mut handler.options.retention;
            retention.idempotency_ms = self.idempotency_ms.unwrap_or(retention.idempotency_ms);
            retention.workflow_ms = self.workflow_ms.unwrap_or(retention.workflow_ms);
            retention.journal_ms = self.journal_ms.unwrap_or(retention.journal_ms);
        }
    }
}

impl Deployments {
    /// Changes a service; invocations that begin from now on have its options. None: there is none.
    ///
    /// # Errors
    /// The store failed.
    pub async fn change_service(
        &self,
        name: &str,
        change: ServiceChange,
    ) -> Result<Option<Arc<ServiceView>>, UploadError> {
        let _changing = self.inner.changing.lock().await;
        let Some(service) = self.service(name) else { return Ok(None) };
        let mut manifest = (*service.manifest).clone();
        change.apply(&mut manifest);
        let (deployment, revision) = (service.deployment.clone(), service.revision);
        let row = ServiceRow { deployment, revision, manifest };
        self.commit(vec![Op::Put { key: keys::service(name), value: codec::encode(&row) }]).await?;
        let view = Arc::new(service_view(&row.deployment, row.revision, row.manifest));
        self.inner.catalog.write().services.insert(view.name.clone(), view.clone());
        Ok(Some(view))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::manifest::{
        HandlerManifest, HandlerMode, HandlerOptions, Payload, Retention, ServiceKind,
    };

    #[test]
    fn what_is_not_named_stays() {
        let retention = Retention { idempotency_ms: 1, workflow_ms: 2, journal_ms: 3 };
        let handler = HandlerManifest {
            name: "h".into(),
            mode: HandlerMode::Shared,
            input: Payload::default(),
            output: Payload::default(),
            docs: None,
            options: HandlerOptions { retention, ..HandlerOptions::default() },
        };
        let (name, kind, handlers) = ("S".to_owned(), ServiceKind::Service, vec![handler]);
        let mut manifest = ServiceManifest { name, kind, handlers, docs: None, is_private: true };
        let before = manifest.clone();
        ServiceChange::default().apply(&mut manifest);
        assert_eq!(manifest, before);
        let change = ServiceChange { is_public: Some(true), journal_ms: Some(9), ..ServiceChange::default() };
        change.apply(&mut manifest);
        assert!(!manifest.is_private);
        let changed = Retention { journal_ms: 9, ..retention };
        assert_eq!(manifest.handlers[0].options.retention, changed);
    }
}
