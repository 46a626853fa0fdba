//! The resequencer against the plainest model: of the newest epoch, batches come out 0, 1, 2, … and each once.

use proptest::prelude::*;
use stampmill_core::record::Epoch;
use stampmill_core::resequencer::Resequencer;

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn batches_come_out_in_order_and_once(puts in prop::collection::vec((0u64..3, 0u64..8, any::<bool>()), 0..60)) {
        let mut order = Resequencer::new(Epoch(0));
        let (mut epoch, mut there, mut next) = (0, std::collections::BTreeSet::new(), 0);
        for (of, number, take) in puts {
            order.put(Epoch(of), number, (of, number));
            if of > epoch {
                (epoch, next) = (of, 0);
                there.clear();
            }
            if of == epoch && number >= next {
                there.insert(number);
            }
            if take {
                // As long as the next one is there, and once more.
                loop {
                    let expected = there.remove(&next).then_some((epoch, next));
                    prop_assert_eq!(order.pop(), expected);
                    if expected.is_none() {
                        break;
                    }
                    next += 1;
                }
            }
            prop_assert_eq!((order.epoch(), order.waiting()), (Epoch(epoch), there.len()));
        }
    }
}
