//! Who needs the files of a component: its deployment, and uploads of which nobody knows yet what becomes of them.
//!
//! Invariant: files go only when neither does, and nobody begins to need them meanwhile.

use super::artifacts::{Artifacts, ComponentDigest};
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

#[derive(Default)]
pub struct Claims {
    claimed: Mutex<Claimed>,
}

#[derive(Default)]
struct Claimed {
    deployments: HashSet<ComponentDigest>,
    /// How many uploads of each component there are.
    uploads: HashMap<ComponentDigest, usize>,
}

impl Claims {
    /// A deployment needs the files from now on.
    pub fn deployed(&self, digest: ComponentDigest) {
        self.claimed.lock().deployments.insert(digest);
    }

    /// The deployment is gone. Deletes the files, unless they are being uploaded again.
    pub fn removed(&self, digest: &ComponentDigest, delete: impl FnOnce()) {
        let mut claimed = self.claimed.lock();
        claimed.deployments.remove(digest);
        claimed.delete_if_unused(digest, delete);
    }

    fn uploaded(&self, digest: ComponentDigest) {
        *self.claimed.lock().uploads.entry(digest).or_default() += 1;
    }

    fn decided(&self, digest: &ComponentDigest, delete: impl FnOnce()) {
        let mut claimed = self.claimed.lock();
        let uploads = claimed.uploads.get_mut(digest).expect("it was counted when the upload came");
        *uploads -= 1;
        if *uploads == 0 {
            claimed.uploads.remove(digest);
        }
        claimed.delete_if_unused(digest, delete);
    }
}

impl Claimed {
    /// Under the lock, so that an upload which comes meanwhile finds either all files or none.
    fn delete_if_unused(&self, digest: &ComponentDigest, delete: impl FnOnce()) {
        if !self.deployments.contains(digest) && !self.uploads.contains_key(digest) {
            delete();
        }
    }
}

/// An upload needs the files of its component as long as this lives.
pub struct Upload {
    artifacts: Arc<Artifacts>,
    claims: Arc<Claims>,
    pub digest: ComponentDigest,
}

impl Upload {
    pub fn new(artifacts: Arc<Artifacts>, claims: Arc<Claims>, digest: ComponentDigest) -> Self {
        claims.uploaded(digest);
        Self { artifacts, claims, digest }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.claims.decided(&self.digest, || self.artifacts.delete(&self.digest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: ComponentDigest = [7; 32];

    /// Says whether the files went.
    fn deletes(act: impl FnOnce(&mut dyn FnMut())) -> bool {
        let mut is_deleted = false;
        let mut delete = || is_deleted = true;
        act(&mut delete);
        is_deleted
    }

    #[test]
    fn files_stay_while_the_same_component_is_uploaded_once_more() {
        let claims = Claims::default();
        claims.uploaded(X);
        claims.uploaded(X);
        assert!(!deletes(|delete| claims.decided(&X, delete)), "the dry run is over, the other one is not");
        claims.deployed(X);
        assert!(!deletes(|delete| claims.decided(&X, delete)), "it became a deployment");
        claims.uploaded(X);
        assert!(!deletes(|delete| claims.decided(&X, delete)), "it is one");
        assert!(deletes(|delete| claims.removed(&X, delete)));
    }

    #[test]
    fn files_stay_when_a_deployment_is_removed_while_it_is_uploaded() {
        let claims = Claims::default();
        claims.deployed(X);
        claims.uploaded(X);
        assert!(!deletes(|delete| claims.removed(&X, delete)));
        assert!(deletes(|delete| claims.decided(&X, delete)), "it was refused");
    }

    #[test]
    fn a_refused_upload_leaves_no_files() {
        let claims = Claims::default();
        claims.uploaded(X);
        assert!(deletes(|delete| claims.decided(&X, delete)));
        assert!(claims.claimed.lock().uploads.is_empty());
    }
}
