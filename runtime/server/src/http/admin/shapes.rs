//! Shapes of the core's types, for the description of the API: the core knows nothing of HTTP.

use crate::upgrade::NotCarriedOver;
use abide_core::manifest::Settings;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// A name and a value.
#[derive(Serialize, ToSchema)]
#[schema(as = Header)]
pub struct HeaderShape {
    name: String,
    value: String,
}

/// What the code asked against what the journal says.
#[derive(Serialize, ToSchema)]
#[schema(as = Mismatch)]
pub struct MismatchShape {
    op: u32,
    /// Null: the journal ends before this operation.
    recorded: Option<String>,
    /// Null: the code ended, or waited, before asking for it.
    asked: Option<String>,
    /// Where in the guest's code it was asked, as far as the component tells.
    backtrace: Option<String>,
}

/// What a deployment may see and reach.
#[derive(Serialize, ToSchema)]
#[schema(as = Settings)]
pub struct SettingsShape {
    /// Environment variables of the guest. Null: the value is not shown to who only may read.
    env: BTreeMap<String, Option<String>>,
    /// Hosts that run blocks may reach by HTTP: `host`, `host:port`, or `*` for any.
    allowed_hosts: Vec<String>,
}

impl SettingsShape {
    pub fn of(settings: &Settings) -> Self {
        let env = settings.env.iter().map(|(name, value)| (name.clone(), Some(value.clone())));
        Self { env: env.collect(), allowed_hosts: settings.allowed_hosts.clone() }
    }

    /// Leaves only the names of the variables.
    pub fn hide_values(&mut self) {
        self.env.values_mut().for_each(|value| *value = None);
    }
}

/// Settings that a deployment does not take over from those before it: secrets go to no other code unasked.
#[derive(Serialize, ToSchema)]
#[schema(as = SettingsNotCarriedOver)]
pub struct NotCarriedOverShape {
    /// Names of environment variables, without values.
    variables: Vec<String>,
    allowed_hosts: Vec<String>,
}

impl NotCarriedOverShape {
    /// None: there is nothing to tell.
    pub fn of(missing: &NotCarriedOver) -> Option<Self> {
        let NotCarriedOver { variables, allowed_hosts } = missing;
        let names = |of: &BTreeSet<String>| of.iter().cloned().collect();
        let shape = Self { variables: names(variables), allowed_hosts: names(allowed_hosts) };
        (!missing.is_empty()).then_some(shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::entry::Header;
    use abide_core::invocation::MismatchReport;
    use serde_json::to_value;

    #[test]
    fn shapes_are_those_of_the_core() {
        let header = HeaderShape { name: "n".into(), value: "v".into() };
        let of_core = Header { name: "n".into(), value: "v".into() };
        assert_eq!(to_value(header).unwrap(), to_value(of_core).unwrap());

        let mismatch = MismatchShape { op: 1, recorded: None, asked: None, backtrace: None };
        let of_core = MismatchReport { op: 1, recorded: None, asked: None, backtrace: None };
        assert_eq!(to_value(mismatch).unwrap(), to_value(of_core).unwrap());

        let settings =
            Settings { env: [("A".into(), "1".into())].into(), allowed_hosts: vec!["x.test".into()] };
        assert_eq!(to_value(SettingsShape::of(&settings)).unwrap(), to_value(settings).unwrap());
    }
}
