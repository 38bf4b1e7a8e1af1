//! Who has the room in memory, and how much of it a service may have.
//!
//! An attempt that only waits makes room for others, but one that holds a connection, say, keeps its slot for as long as it
//! likes. So a service gets one more only while it has few, compared with those that are free: alone it has seven eighths at
//! most, the next one has as much of the rest, and there is room for who comes then.

use prometheus_client::metrics::gauge::Gauge;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

/// A service gets one more slot while it has fewer than so many times those that are free. Seven slots, or fewer, are
/// anybody's: none of them would ever be left.
const TIMES_FREE_MAX: usize = 7;
/// Services that are known although none of their attempts is in memory.
const SHARES_KEPT: usize = 1_000;

/// All slots: an attempt in memory has one.
pub struct Slots {
    max: usize,
    free: usize,
    shares: HashMap<String, Arc<Share>>,
    /// What all shares have in common.
    pressure: Arc<Notify>,
}

/// What one service has of them.
#[derive(Debug, Default)]
pub struct Share {
    /// Changes with the slots only.
    taken: AtomicUsize,
    /// Counts its attempts that only wait.
    pub idle: Gauge,
    /// Somebody needs the room of one of them.
    pressure: Notify,
    /// Somebody needs room, whoever makes it.
    pressure_on_all: Arc<Notify>,
}

impl Share {
    /// Returns when an attempt that only waits has to make room.
    pub async fn pressed(&self) {
        tokio::select! {
            biased;
            () = self.pressure.notified() => {}
            () = self.pressure_on_all.notified() => {}
        }
    }

    fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}

impl Slots {
    pub fn new(max: usize) -> Self {
        Self { max, free: max, shares: HashMap::new(), pressure: Arc::default() }
    }

    pub fn free(&self) -> usize {
        self.free
    }

    /// Says whether a service may have one more of those that are free.
    pub fn has_room_for(&self, service: &str) -> bool {
        !self.are_scarce() || self.taken_of(service) < TIMES_FREE_MAX * self.free
    }

    /// Says whether there can be a service without room: looking for one costs more.
    fn are_scarce(&self) -> bool {
        (TIMES_FREE_MAX + 1) * self.free <= self.max
    }

    fn taken_of(&self, service: &str) -> usize {
        self.shares.get(service).map_or(0, |share| share.taken())
    }

    /// Takes one that is free, and returns the share of the service, which gives it back.
    pub fn take(&mut self, service: &str) -> Arc<Share> {
        self.free -= 1;
        let share = match self.shares.get(service) {
            Some(share) => share.clone(),
            None => self.add(service),
        };
        share.taken.fetch_add(1, Ordering::Relaxed);
        share
    }

    fn add(&mut self, service: &str) -> Arc<Share> {
        if self.shares.len() >= SHARES_KEPT {
            self.shares.retain(|_, share| share.taken() > 0);
        }
        let share = Arc::new(Share { pressure_on_all: self.pressure.clone(), ..Share::default() });
        self.shares.insert(service.to_owned(), share.clone());
        share
    }

    pub fn give_back(&mut self, share: &Share) {
        self.free += 1;
        share.taken.fetch_sub(1, Ordering::Relaxed);
    }

    /// Has an attempt that only waits make room, if one of the services that wait has none.
    ///
    /// It is one of the service that has most, or else the next one that comes to wait. But a service that has much is
    /// helped by those alone that have as much: what others give back is not for it.
    pub fn press<'a>(&self, waiting: impl Iterator<Item = &'a str>) {
        if !self.are_scarce() {
            return;
        }
        let without_room = waiting.filter(|service| !self.has_room_for(service));
        let needy = without_room.map(|service| (service, self.taken_of(service)));
        let Some((service, taken)) = needy.min_by_key(|(_, taken)| *taken) else { return };
        let has_little = taken < TIMES_FREE_MAX;
        let idle = self.shares.values().filter(|share| share.idle.get() > 0);
        match idle.max_by_key(|share| share.taken()) {
            Some(share) if has_little || share.taken() >= taken => share.pressure.notify_one(),
            Some(_) | None if has_little => self.pressure.notify_one(),
            Some(_) | None => self.shares[service].pressure.notify_one(),
        }
    }

    /// Has all attempts that only wait make room.
    pub fn suspend_idle(&self) {
        self.pressure.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Held;
    use std::pin::pin;
    use std::task::{Context, Waker};

    /// Takes as many as the service may have, and returns how many those are.
    fn fill(slots: &mut Slots, service: &str) -> usize {
        let mut taken = 0;
        while slots.free() > 0 && slots.has_room_for(service) {
            slots.take(service);
            taken += 1;
        }
        taken
    }

    fn is_pressed(share: &Share) -> bool {
        pin!(share.pressed()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    /// Returns slots of which a service has five of eight, another one the rest, with their shares.
    fn full() -> (Slots, Arc<Share>, Arc<Share>) {
        let mut slots = Slots::new(8);
        let mut take = |service: &str, count: usize| {
            (1..count).for_each(|_| _ = slots.take(service));
            slots.take(service)
        };
        let (greedy, modest) = (take("Greedy", 5), take("Modest", 3));
        (slots, greedy, modest)
    }

    #[test]
    fn who_takes_all_it_gets_leaves_an_eighth() {
        let mut slots = Slots::new(8_000);
        let taken = ["First", "Second", "Third"].map(|service| fill(&mut slots, service));
        assert_eq!((taken, slots.free()), ([7_000, 875, 110], 15));
        assert!(slots.has_room_for("Modest"));
    }

    #[test]
    fn where_there_are_few_one_service_may_have_all() {
        let taken = [1, 2, 7, 8, 16].map(|max| fill(&mut Slots::new(max), "Greedy"));
        assert_eq!(taken, [1, 2, 7, 7, 14]);
    }

    #[test]
    fn what_is_given_back_is_for_who_has_room() {
        let mut slots = Slots::new(8);
        assert_eq!((fill(&mut slots, "Greedy"), fill(&mut slots, "Modest")), (7, 1));
        let [greedy, modest] = ["Greedy", "Modest"].map(|service| slots.shares[service].clone());
        slots.give_back(&modest);
        assert!(!slots.has_room_for("Greedy") && slots.has_room_for("Modest"));
        slots.give_back(&greedy);
        assert!(slots.has_room_for("Greedy"));
    }

    #[test]
    fn who_has_most_makes_room_first() {
        let (slots, greedy, modest) = full();
        let waits = [&greedy, &modest].map(|share| Held::of(&share.idle));
        slots.press(["New"].into_iter());
        assert_eq!((is_pressed(&modest), is_pressed(&greedy)), (false, true));
        let [of_greedy, _of_modest] = waits;
        drop(of_greedy);
        slots.press(["New"].into_iter());
        assert_eq!((is_pressed(&greedy), is_pressed(&modest)), (false, true));
    }

    #[test]
    fn where_nobody_waits_the_next_one_makes_room() {
        let (slots, greedy, modest) = full();
        slots.press(["New"].into_iter());
        assert_eq!((is_pressed(&modest), is_pressed(&greedy)), (true, false));
    }

    #[test]
    fn who_has_much_makes_room_for_itself() {
        let mut slots = Slots::new(80);
        assert_eq!(fill(&mut slots, "Greedy"), 70);
        let (greedy, modest) = (slots.shares["Greedy"].clone(), slots.take("Modest"));
        let _waits = Held::of(&modest.idle);
        slots.press(["Modest"].into_iter());
        assert_eq!((is_pressed(&modest), is_pressed(&greedy)), (false, false), "there is room for it");
        slots.press(["Greedy", "Modest"].into_iter());
        assert_eq!((is_pressed(&modest), is_pressed(&greedy)), (false, true));
    }

    #[test]
    fn services_that_have_nothing_are_forgotten_in_the_end() {
        let mut slots = Slots::new(8);
        let stays = slots.take("Stays");
        for service in 0..2 * SHARES_KEPT {
            let share = slots.take(&service.to_string());
            slots.give_back(&share);
        }
        assert!(slots.shares.len() <= SHARES_KEPT && slots.free() == 7);
        assert!(Arc::ptr_eq(&stays, &slots.take("Stays")));
    }
}
