//! Settings that an upload does not take over: they are those of a deployment, and no secret goes to other code unasked.

use crate::deploy::Deployments;
use abide_core::manifest::{Manifest, Settings};
use std::collections::BTreeSet;

/// What the deployments have that offer the services now, and an upload has not. Never values: they may be secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotCarriedOver {
    pub variables: BTreeSet<String>,
    pub allowed_hosts: BTreeSet<String>,
}

impl NotCarriedOver {
    #[must_use]
    pub fn of(manifest: &Manifest, settings: &Settings, deployments: &Deployments) -> Self {
        let mut missing = Self::default();
        let now = manifest.services.iter().filter_map(|service| deployments.service(&service.name));
        for deployment in now.filter_map(|service| deployments.get(&service.deployment)) {
            let Settings { env, allowed_hosts } = &deployment.settings;
            let variables = env.keys().filter(|name| !settings.env.contains_key(*name));
            missing.variables.extend(variables.cloned());
            let hosts = allowed_hosts.iter().filter(|host| !is_allowed(host, settings));
            missing.allowed_hosts.extend(hosts.cloned());
        }
        missing
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.variables.is_empty() && self.allowed_hosts.is_empty()
    }
}

fn is_allowed(host: &str, settings: &Settings) -> bool {
    settings.allowed_hosts.iter().any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(host))
}
