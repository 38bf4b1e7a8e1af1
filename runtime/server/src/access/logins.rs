//! Failed logins: counted by address, so that guessing is slow and the log stays readable.

use abide_core::time::Timestamp;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;

/// Wrong tokens from one address within [`WINDOW_MS`]; then the address has to wait until it is over.
pub const FAILURES_MAX: u32 = 20;
pub const WINDOW_MS: u64 = 60_000;
/// Addresses that are remembered. When there are more, somebody has many, and counting does not help.
const ADDRESSES_MAX: usize = 10_000;

/// The addresses that sent wrong tokens of late.
#[derive(Default)]
pub struct FailedLogins {
    recent: Mutex<HashMap<IpAddr, Window>>,
}

#[derive(Clone, Copy)]
struct Window {
    since: Timestamp,
    failures: u32,
}

impl Window {
    fn is_over(self, now: Timestamp) -> bool {
        now.millis_since(self.since) >= WINDOW_MS
    }
}

impl FailedLogins {
    /// Says whether the address has to wait.
    pub fn is_blocked(&self, from: IpAddr, now: Timestamp) -> bool {
        let recent = self.recent.lock();
        let window = recent.get(&group(from));
        window.is_some_and(|window| !window.is_over(now) && window.failures >= FAILURES_MAX)
    }

    /// Counts a wrong token, and returns how many there are now in this window.
    pub fn count(&self, from: IpAddr, now: Timestamp) -> u32 {
        let mut recent = self.recent.lock();
        if recent.len() >= ADDRESSES_MAX {
            recent.retain(|_, window| !window.is_over(now));
        }
        if recent.len() >= ADDRESSES_MAX {
            recent.clear();
        }
        let window = recent.entry(group(from)).or_insert(Window { since: now, failures: 0 });
        if window.is_over(now) {
            *window = Window { since: now, failures: 0 };
        }
        window.failures = window.failures.saturating_add(1);
        window.failures
    }
}

/// A network of IPv6 belongs to one customer, so all its addresses count as one.
fn group(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_waits_after_too_many_and_is_forgiven() {
        let logins = FailedLogins::default();
        let (here, there) = (address("10.0.0.1"), address("10.0.0.2"));
        for number in 1..=FAILURES_MAX {
            assert!(!logins.is_blocked(here, Timestamp(5)));
            assert_eq!(logins.count(here, Timestamp(5)), number);
        }
        assert!(logins.is_blocked(here, Timestamp(5 + WINDOW_MS - 1)));
        assert!(!logins.is_blocked(there, Timestamp(5)));
        assert!(!logins.is_blocked(here, Timestamp(5 + WINDOW_MS)));
        assert_eq!(logins.count(here, Timestamp(5 + WINDOW_MS)), 1);
    }

    #[test]
    fn a_network_counts_as_one() {
        let logins = FailedLogins::default();
        logins.count(address("2001:db8:1:2::1"), Timestamp(0));
        assert_eq!(logins.count(address("2001:db8:1:2:ffff::9"), Timestamp(0)), 2);
        assert_eq!(logins.count(address("2001:db8:1:3::1"), Timestamp(0)), 1);
        logins.count(address("10.0.0.1"), Timestamp(0));
        assert_eq!(logins.count(address("::ffff:10.0.0.1"), Timestamp(0)), 2);
    }

    #[test]
    fn memory_is_bounded() {
        let logins = FailedLogins::default();
        for number in 0..=u32::try_from(ADDRESSES_MAX).unwrap() {
            logins.count(IpAddr::from(number.to_be_bytes()), Timestamp(0));
        }
        assert!(logins.recent.lock().len() <= ADDRESSES_MAX);
    }
}
