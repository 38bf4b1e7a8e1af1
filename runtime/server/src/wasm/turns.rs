//! Who starts next, when not all can: lanes take turns.
//!
//! A service has two lanes: one for attempts that begin an invocation, one for those that go on with it. Within a
//! lane, who came first starts first. So a service that asks for very much keeps no other one waiting, and a
//! thousand timers keep no new call waiting. A lane in which very many wait is crowded: it may be passed over, and who
//! comes from it runs behind all others. But not for ever: of so many that start, one is of a crowd, and runs as they do.
//! A service for which there is no room is passed over as well, and keeps its turn.

use std::collections::{HashMap, VecDeque};

/// Those that may wait in a lane before it is crowded.
pub const CROWD: usize = 256;
/// Of so many that start one is of a crowd, if there is one: when others keep the machine busy, that is all it gets.
pub const SHARE_OF_CROWD: u32 = 16;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lane {
    pub service: String,
    pub is_first_attempt: bool,
}

pub struct Turns<T> {
    lanes: HashMap<Lane, VecDeque<T>>,
    /// Those in which somebody waits. The front one is next.
    order: VecDeque<Lane>,
    len: usize,
    /// Those among them that go on with an invocation.
    len_going_on: usize,
    lanes_crowded: usize,
    /// Others that started since the last one that had the share of the crowd.
    started_before_crowd: u32,
}

/// Whose turn it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    AllLanes,
    LanesWithoutCrowd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next<T> {
    pub waits: T,
    /// It is one of very many, and has to run behind others.
    pub is_of_crowd: bool,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self {
            lanes: HashMap::new(),
            order: VecDeque::new(),
            len: 0,
            len_going_on: 0,
            lanes_crowded: 0,
            started_before_crowd: 0,
        }
    }
}

impl<T> Turns<T> {
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns how many wait that go on with an invocation.
    pub fn len_going_on(&self) -> usize {
        self.len_going_on
    }

    /// Returns how many wait in a lane.
    pub fn len_of(&self, lane: &Lane) -> usize {
        self.lanes.get(lane).map_or(0, VecDeque::len)
    }

    pub fn join(&mut self, lane: Lane, waits: T) {
        self.len += 1;
        self.len_going_on += usize::from(!lane.is_first_attempt);
        match self.lanes.get_mut(&lane) {
            Some(waiting) => {
                waiting.push_back(waits);
                self.lanes_crowded += usize::from(waiting.len() == CROWD + 1);
            }
            None => {
                self.order.push_back(lane.clone());
                self.lanes.insert(lane, VecDeque::from([waits]));
            }
        }
    }

    /// Returns the services of which somebody waits, each once or twice.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        self.order.iter().map(|lane| lane.service.as_str())
    }

    /// Returns who is next, of the lanes that are asked for and the services that have room; its lane has its next turn
    /// after all others.
    pub fn next(&mut self, of: Of, has_room: impl Fn(&str) -> bool) -> Option<Next<T>> {
        if self.lanes_crowded > 0
            && self.started_before_crowd >= SHARE_OF_CROWD - 1
            && let Some(at) = self.position(|lane| self.is_crowded(lane) && has_room(&lane.service))
        {
            self.started_before_crowd = 0;
            return Some(Next { waits: self.take(at)?, is_of_crowd: false });
        }
        let is_asked_for = |lane: &Lane| of == Of::AllLanes || !self.is_crowded(lane);
        let at = self.position(|lane| is_asked_for(lane) && has_room(&lane.service))?;
        let is_of_crowd = self.is_crowded(&self.order[at]);
        self.started_before_crowd = match self.lanes_crowded {
            0 => 0,
            // The crowd may have no room for long.
            _ => self.started_before_crowd.saturating_add(u32::from(!is_of_crowd)),
        };
        Some(Next { waits: self.take(at)?, is_of_crowd })
    }

    fn position(&self, is_wanted: impl Fn(&Lane) -> bool) -> Option<usize> {
        self.order.iter().position(is_wanted)
    }

    /// Says whether very many wait in a lane that is in the order.
    fn is_crowded(&self, lane: &Lane) -> bool {
        self.lanes[lane].len() > CROWD
    }

    /// Takes the first of a lane, which goes behind all others.
    fn take(&mut self, at: usize) -> Option<T> {
        let lane = self.order.remove(at)?;
        let waiting = self.lanes.get_mut(&lane).expect("a lane in the order is there");
        self.lanes_crowded -= usize::from(waiting.len() == CROWD + 1);
        let waits = waiting.pop_front().expect("somebody waits in a lane that is there");
        self.len -= 1;
        self.len_going_on -= usize::from(!lane.is_first_attempt);
        if waiting.is_empty() {
            self.lanes.remove(&lane);
        } else {
            self.order.push_back(lane);
        }
        Some(waits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(service: &str, is_first_attempt: bool) -> Lane {
        Lane { service: service.into(), is_first_attempt }
    }

    fn any(_service: &str) -> bool {
        true
    }

    fn but_greedy(service: &str) -> bool {
        service != "Greedy"
    }

    fn drain(turns: &mut Turns<u32>) -> Vec<u32> {
        std::iter::from_fn(|| turns.next(Of::AllLanes, any)).map(|next| next.waits).collect()
    }

    #[test]
    fn lanes_take_turns_and_are_in_order_each() {
        let mut turns = Turns::default();
        (10..15).for_each(|waits| turns.join(lane("Greedy", true), waits));
        (20..22).for_each(|waits| turns.join(lane("Greedy", false), waits));
        turns.join(lane("Modest", true), 30);
        assert_eq!((turns.len(), turns.len_of(&lane("Greedy", true)), turns.len_going_on()), (8, 5, 2));
        assert_eq!(drain(&mut turns), [10, 20, 30, 11, 21, 12, 13, 14]);
        assert_eq!((turns.len(), turns.len_going_on(), turns.lanes.len(), turns.order.len()), (0, 0, 0, 0));
    }

    #[test]
    fn who_comes_back_waits_for_one_of_each_other_lane() {
        let mut turns = Turns::default();
        (0..100).for_each(|waits| turns.join(lane("Greedy", true), waits));
        let next = |turns: &mut Turns<u32>| turns.next(Of::AllLanes, any).unwrap().waits;
        for round in 0..10 {
            turns.join(lane("Modest", true), 1_000);
            assert_eq!((next(&mut turns), next(&mut turns)), (round, 1_000));
        }
    }

    #[test]
    fn a_crowd_is_known_and_can_be_passed_over() {
        let mut turns = Turns::default();
        (0..=CROWD).for_each(|_| turns.join(lane("Greedy", true), 1));
        turns.join(lane("Modest", true), 2);
        let modest = Next { waits: 2, is_of_crowd: false };
        assert_eq!(turns.next(Of::LanesWithoutCrowd, any), Some(modest));
        assert_eq!(turns.next(Of::LanesWithoutCrowd, any), None);
        assert_eq!(turns.next(Of::AllLanes, any), Some(Next { waits: 1, is_of_crowd: true }));
        assert_eq!(turns.next(Of::LanesWithoutCrowd, any), Some(Next { waits: 1, is_of_crowd: false }));
    }

    #[test]
    fn a_service_without_room_is_passed_over_and_keeps_its_turn() {
        let mut turns = Turns::default();
        (0..2).for_each(|waits| turns.join(lane("Greedy", true), waits));
        turns.join(lane("Greedy", false), 10);
        (20..22).for_each(|waits| turns.join(lane("Modest", true), waits));
        assert!(turns.services().eq(["Greedy", "Greedy", "Modest"]));
        assert_eq!(turns.next(Of::AllLanes, but_greedy).map(|next| next.waits), Some(20));
        assert_eq!(turns.next(Of::AllLanes, any).map(|next| next.waits), Some(0));
        assert_eq!(turns.next(Of::AllLanes, but_greedy).map(|next| next.waits), Some(21));
        assert_eq!(turns.next(Of::AllLanes, but_greedy), None);
        assert_eq!(drain(&mut turns), [10, 1]);
    }

    #[test]
    fn a_crowd_without_room_keeps_its_share_until_there_is_room() {
        let mut turns = Turns::default();
        (0..=CROWD).for_each(|_| turns.join(lane("Greedy", true), 1));
        for _ in 0..2 * SHARE_OF_CROWD {
            turns.join(lane("Modest", true), 2);
            let modest = Next { waits: 2, is_of_crowd: false };
            assert_eq!(turns.next(Of::LanesWithoutCrowd, but_greedy), Some(modest));
        }
        turns.join(lane("Modest", true), 2);
        assert_eq!(turns.next(Of::LanesWithoutCrowd, any), Some(Next { waits: 1, is_of_crowd: false }));
    }

    #[test]
    fn a_crowd_has_its_share_however_busy_others_are() {
        let mut turns = Turns::default();
        (0..CROWD + 3).for_each(|_| turns.join(lane("Greedy", true), 1));
        let others = SHARE_OF_CROWD - 1;
        let started: Vec<_> = (0..4 * SHARE_OF_CROWD)
            .map(|_| {
                turns.join(lane("Modest", true), 2);
                turns.next(Of::LanesWithoutCrowd, any).unwrap()
            })
            .collect();
        assert!(started.iter().all(|next| !next.is_of_crowd));
        let of_crowd = |started: &[Next<u32>]| started.iter().filter(|next| next.waits == 1).count();
        let rounds: Vec<_> = started.chunks(SHARE_OF_CROWD as usize).map(of_crowd).collect();
        assert_eq!(rounds, [1, 1, 1, 8], "then it is a lane like any other");
        assert_eq!((turns.lanes_crowded, started[others as usize].waits), (0, 1));
    }
}
