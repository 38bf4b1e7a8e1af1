//! Maps and sets whose order is the same on every attempt.
//!
//! The maps of `std` seed their hasher from a counter that every new map moves on. Outside run
//! blocks that counter is deterministic too, but a map made *inside* a run block's closure moves it
//! only when the closure is really executed, not when replay skips it. A later iteration then runs
//! in another order, and if durable operations are made in that order, the journal does not match.
//! These maps use a fixed hasher. `BTreeMap` is as good.
//!
//! Being fixed, the hasher is no protection against keys chosen by an attacker to collide; take
//! `BTreeMap` for large maps with keys from outside.
//!
//! ```
//! use abide_sdk::collections::HashMap;
//!
//! let mut stock: HashMap<&str, u32> = HashMap::default();
//! stock.insert("book", 3);
//! let order: HashMap<_, _> = [("book", 1), ("pen", 2)].into_iter().collect();
//! assert_eq!(order.len(), 2);
//! ```

use std::hash::{BuildHasherDefault, DefaultHasher};

/// Builds the fixed hasher.
pub type FixedState = BuildHasherDefault<DefaultHasher>;

/// A hash map with a fixed hasher. Create it with `default()` or `collect()`.
pub type HashMap<K, V> = std::collections::HashMap<K, V, FixedState>;

/// A hash set with a fixed hasher. Create it with `default()` or `collect()`.
pub type HashSet<T> = std::collections::HashSet<T, FixedState>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_does_not_depend_on_maps_made_before() {
        let order = || (0..100).collect::<HashSet<u32>>().into_iter().collect::<Vec<_>>();
        let first = order();
        let _moves_the_counter_of_std = std::collections::HashMap::<u32, u32>::new();
        assert_eq!(first, order());
    }
}
