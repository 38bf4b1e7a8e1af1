//! The code that an invocation shall go on on: `keep`, `latest`, or the id of a deployment.

use crate::http::AppState;
use crate::http::error::AdminError;
use abide_core::ids::DeploymentId;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Code {
    /// That it has.
    #[default]
    Keep,
    /// The newest one of its service.
    Latest,
    Named(DeploymentId),
}

impl Code {
    pub fn read(text: &str) -> Result<Self, AdminError> {
        match text {
            "keep" => Ok(Self::Keep),
            "latest" => Ok(Self::Latest),
            id => id.parse().map(Self::Named).map_err(|why| AdminError::BadField {
                field: "deployment",
                why: format!("{why}: it is keep, latest or the id of a deployment"),
            }),
        }
    }

    /// Returns the deployment for an invocation of this service; None: the one it has.
    pub fn resolve(&self, state: &AppState, service: &str) -> Result<Option<DeploymentId>, AdminError> {
        match self {
            Self::Keep => Ok(None),
            Self::Named(id) => Ok(Some(id.clone())),
            Self::Latest => {
                let offered = state.deployments.service(service);
                let offered = offered.ok_or_else(|| AdminError::UnknownService(service.to_owned()))?;
                Ok(Some(offered.deployment.clone()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_named_or_kept() {
        let id = DeploymentId::from_digest(7);
        for (text, expected) in
            [("keep", Code::Keep), ("latest", Code::Latest), (id.as_str(), Code::Named(id.clone()))]
        {
            assert_eq!(Code::read(text).unwrap(), expected);
        }
        let error = Code::read("newest").unwrap_err().to_string();
        assert!(error.contains("keep, latest or the id"), "{error}");
    }
}
