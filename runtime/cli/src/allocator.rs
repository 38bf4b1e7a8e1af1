//! The allocator of this program, and how what it has to spare goes back to the system.

use std::time::Duration;

/// The server makes and drops many small things on many threads; the system's allocator took a fifth
/// of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[expect(unsafe_code, reason = "the allocator speaks C")]
// SAFETY: declared as in mimalloc.h; any thread may call it at any time.
unsafe extern "C" {
    safe fn mi_collect(force: bool);
}

/// As long as the allocator waits whether freed memory is needed again.
const PAUSE: Duration = Duration::from_secs(1);

/// Gives back, from now on, what has been free for a while. The allocator looks for that only while it has other things
/// to do: a server at rest would keep what large values took.
///
/// On a thread of its own, which has nothing to tidy up but what all share.
pub fn give_back() {
    let give_back = || {
        loop {
            std::thread::sleep(PAUSE);
            mi_collect(false);
        }
    };
    if let Err(error) = std::thread::Builder::new().name("abide-memory".into()).spawn(give_back) {
        tracing::warn!(%error, "memory of large values goes back to the system late: there is no thread for it");
    }
}
