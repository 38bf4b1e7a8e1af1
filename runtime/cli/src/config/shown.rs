//! The configuration as it is shown, by the command and by the admin port.

use crate::config::{Effective, Loaded};
use abide_server::ShownSetting;

/// Returns every setting with its value and where that comes from; secrets are hidden.
pub fn shown(loaded: &Loaded) -> Vec<ShownSetting> {
    loaded.effective.iter().map(one).collect()
}

fn one(effective: &Effective) -> ShownSetting {
    ShownSetting {
        key: effective.setting.key.to_owned(),
        value: effective.setting.json(&effective.value),
        source: effective.source.name().to_owned(),
        origin: effective.source.to_string(),
        description: effective.setting.about.to_owned(),
    }
}
