//! What a `dedupe` step remembers of a source partition: the keys that it met last.

use std::collections::{HashMap, VecDeque};

use crate::record::Offset;

/// The place of a record, or of a part of one, in its partition.
pub type Part = (Offset, usize);

/// Keys by their hashes, each with the place where it was met first. Where a partition is read again from an earlier place, what
/// came behind that place is forgotten: so a record that comes again is no duplicate of itself.
#[derive(Debug)]
pub struct Window {
    /// Keys at the most.
    size: usize,
    met: HashMap<u128, Part>,
    /// The same in the order of their places.
    order: VecDeque<(Part, u128)>,
}

// === impl Window ===

impl Window {
    pub fn new(size: usize) -> Self {
        Self { size: size.max(1), met: HashMap::new(), order: VecDeque::new() }
    }

    /// Whether the key was met before that place, within the last so many keys. It has been met there from now on.
    pub fn is_duplicate(&mut self, key: u128, at: Part) -> bool {
        self.go_back(at);
        if self.met.contains_key(&key) {
            return true;
        }
        self.met.insert(key, at);
        self.order.push_back((at, key));
        if self.order.len() > self.size
            && let Some((_, oldest)) = self.order.pop_front()
        {
            self.met.remove(&oldest);
        }
        false
    }

    /// Forgets what was met at that place and behind it. What had to make room for it does not come back.
    fn go_back(&mut self, at: Part) {
        while let Some((last, key)) = self.order.back().copied()
            && last >= at
        {
            self.met.remove(&key);
            self.order.pop_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All that was read, in order: a record is a duplicate if its key is among the last `size` keys that were new.
    fn plain(read: &[(i64, u8)], size: usize) -> Vec<bool> {
        let mut new: Vec<u8> = Vec::new();
        let is_duplicate = |(_, key): &(i64, u8)| {
            let is_known = new.iter().rev().take(size).any(|known| known == key);
            if !is_known {
                new.push(*key);
            }
            is_known
        };
        read.iter().map(is_duplicate).collect()
    }

    proptest! {
        #[test]
        fn it_is_as_a_plain_list(keys in prop::collection::vec(0_u8..20, 0..200), size in 1_usize..30) {
            let read: Vec<_> = (0..).zip(keys).collect();
            let mut window = Window::new(size);
            let found: Vec<_> =
                read.iter().map(|(at, key)| window.is_duplicate(u128::from(*key), (Offset::new(*at), 0))).collect();
            prop_assert_eq!(found, plain(&read, size));
        }

        /// However often it is read again from wherever, the answers are those of reading once, while nothing was pushed out.
        #[test]
        fn what_is_read_again_gets_the_same_answers(
            keys in prop::collection::vec(0_u8..20, 1..100),
            rewinds in prop::collection::vec((0_usize..100, 0_usize..100), 0..10),
        ) {
            let read: Vec<_> = (0..).zip(keys).collect();
            let expected = plain(&read, 1000);
            let mut window = Window::new(1000);
            let mut ask = |place: usize| {
                let (at, key) = read[place];
                window.is_duplicate(u128::from(key), (Offset::new(at), 0))
            };
            let mut next = 0;
            for (from, count) in rewinds {
                // Whoever goes back reads on from there.
                let from = from.min(next);
                for (place, expected) in expected.iter().enumerate().skip(from).take(count) {
                    prop_assert_eq!(ask(place), *expected);
                    next = place + 1;
                }
            }
        }

        #[test]
        fn it_stays_within_its_size(keys in prop::collection::vec(any::<u8>(), 0..300), size in 1_usize..50) {
            let mut window = Window::new(size);
            for (at, key) in (0..).zip(keys) {
                window.is_duplicate(u128::from(key), (Offset::new(at), 0));
                prop_assert!(window.order.len() <= size);
                prop_assert_eq!(window.met.len(), window.order.len());
            }
        }
    }

    #[test]
    fn parts_of_one_record_may_be_duplicates_of_one_another() {
        let mut window = Window::new(10);
        let at = |part| (Offset::new(7), part);
        assert_eq!(
            [0, 1, 2].map(|part| window.is_duplicate(u128::from(part as u8 % 2), at(part))),
            [false, false, true]
        );
        assert_eq!(
            [0, 1, 2].map(|part| window.is_duplicate(u128::from(part as u8 % 2), at(part))),
            [false, false, true]
        );
    }
}
