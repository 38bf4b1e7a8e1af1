//! File descriptors: as many as the system allows, and connections leave enough of them for the store. A store that
//! cannot open a file stops the server; a client that has to wait does not.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Eighths of all descriptors: the admin port stays open beside a full ingress, the rest is for files and guests.
const INGRESS_EIGHTHS: usize = 5;
const ADMIN_EIGHTHS: usize = 1;

/// Connections that each port may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    pub ingress: usize,
    pub admin: usize,
}

impl Shares {
    /// Shares the descriptors; no port gets more connections than are wanted.
    pub fn of(descriptors: Option<usize>, wanted: usize) -> Self {
        let share = |eighths: usize| {
            descriptors.map_or(wanted, |descriptors| (descriptors / 8 * eighths).clamp(1, wanted))
        };
        let shares = Self { ingress: share(INGRESS_EIGHTHS), admin: share(ADMIN_EIGHTHS) };
        if shares.ingress < wanted {
            tracing::info!(shares.ingress, shares.admin, "the limit of open files limits connections");
        }
        shares
    }
}

/// Raises the limit of this process as far as it may, and returns it; None: there is none.
pub fn raise() -> Option<usize> {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let wanted = limit.maximum;
        limit.current = wanted;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::warn!(%error, "the limit of open files cannot be raised");
        }
    }
    getrlimit(Resource::Nofile).current.and_then(|limit| usize::try_from(limit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_the_store() {
        assert_eq!(Shares::of(None, 100), Shares { ingress: 100, admin: 100 });
        assert_eq!(Shares::of(Some(1 << 20), 100), Shares { ingress: 100, admin: 100 });
        assert_eq!(Shares::of(Some(1_024), 16_384), Shares { ingress: 640, admin: 128 });
        assert_eq!(Shares::of(Some(3), 16_384), Shares { ingress: 1, admin: 1 });
    }

    #[test]
    fn the_limit_is_as_high_as_it_may_be() {
        let raised = raise();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
        assert_eq!(raised.map(|raised| raised as u64), limit.maximum);
    }
}
