//! Every failpoint, by name. The fault matrix fails when one of them is never reached.

/// Which side of what happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    Before,
    After,
}

macro_rules! sites {
    ($($site:ident = $name:literal,)*) => {
        /// Something that a crash may come before or after.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Site {
            $($site,)*
        }

        /// All of them, with their names.
        pub const SITES: &[(Site, &str)] = &[$((Site::$site, $name),)*];
    };
}

sites! {
    // The disk: log, spares of it, large values, snapshots, and the file that says whose folder it is.
    SpareCreate = "spare.create",
    SpareWrite = "spare.write",
    SpareSync = "spare.sync",
    SpareRename = "spare.rename",
    LogTake = "log.take",
    LogWrite = "log.write",
    LogSync = "log.sync",
    LogNames = "log.names",
    LogRecycle = "log.recycle",
    LogRemove = "log.remove",
    LogRead = "log.read",
    BlobCreate = "blob.create",
    BlobWrite = "blob.write",
    BlobSync = "blob.sync",
    BlobLink = "blob.link",
    BlobNames = "blob.names",
    BlobRemove = "blob.remove",
    BlobRead = "blob.read",
    SnapshotCreate = "snapshot.create",
    SnapshotWrite = "snapshot.write",
    SnapshotSync = "snapshot.sync",
    SnapshotRename = "snapshot.rename",
    SnapshotNames = "snapshot.names",
    SnapshotRemove = "snapshot.remove",
    SnapshotRead = "snapshot.read",
    FormatCreate = "format.create",
    FormatWrite = "format.write",
    FormatSync = "format.sync",
    FormatRename = "format.rename",
    FormatNames = "format.names",
    // The index, whose own files are sled's.
    IndexApply = "index.apply",
    IndexMark = "index.mark",
    IndexFlush = "index.flush",
    IndexReopen = "index.reopen",
    IndexGiveUp = "index.give-up",
    IndexRead = "index.read",
    // Components and what is compiled from them.
    ComponentWrite = "component.write",
    ComponentSync = "component.sync",
    ComponentRename = "component.rename",
    ComponentNames = "component.names",
    // The engine: a batch, and what follows from it.
    Commit = "commit",
    ArmTimer = "effect.arm-timer",
    StartAttempt = "effect.start-attempt",
    StopAttempt = "effect.stop-attempt",
    Deliver = "effect.deliver",
    HoldRun = "effect.hold-run",
    AllowRuns = "effect.allow-runs",
    Notice = "effect.notice",
    Reply = "effect.reply",
    Transmit = "effect.transmit",
    Acknowledge = "effect.acknowledge",
    // The closure of a run block.
    Run = "run",
}

impl Site {
    /// Returns the name that plans use.
    #[must_use]
    pub fn name(self) -> &'static str {
        SITES[self as usize].1
    }

    /// Says whether the disk can fail there, or be slow.
    #[must_use]
    pub fn can_fail(self) -> bool {
        let (part, what) = self.name().split_once('.').unwrap_or((self.name(), ""));
        match part {
            "spare" | "log" | "blob" | "snapshot" | "format" | "component" => true,
            // What else happens there are many operations of sled's, of which one would fail.
            "index" => what == "read",
            _ => false,
        }
    }

    /// Says whether something is read there.
    #[must_use]
    pub fn is_read(self) -> bool {
        self.name().ends_with(".read")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_site_has_a_name_of_its_own() {
        let names: BTreeSet<_> =
            SITES.iter().map(|(site, name)| (assert_eq!(site.name(), *name), *name).1).collect();
        assert_eq!(names.len(), SITES.len());
    }
}
