//! With order by key alone, a batch is cut into lanes: what shares a key stays in one, and no lane waits for another.

use crate::partitioner::murmur2;
use crate::record::Batch;

/// The records of each lane as their places in the batch, in order. Lanes without records are left out.
///
/// # Panics
/// When there are no lanes.
pub fn cut(batch: &Batch, lanes: usize) -> Vec<(usize, Vec<usize>)> {
    assert!(lanes > 0, "a record needs a lane");
    let mut records = vec![Vec::new(); lanes];
    for index in 0..batch.len() {
        let lane =
            batch.record(index).key.map_or_else(|| without_key(batch.partition(), lanes), |key| of_key(key, lanes));
        records[lane].push(index);
    }
    records.into_iter().enumerate().filter(|(_, records)| !records.is_empty()).collect()
}

/// By the high end of the hash. Senders choose the partition by the remainder, so that within a partition the remainder
/// by a number of lanes would be the same for many keys: with 12 partitions and 4 lanes, for all of them.
fn of_key(key: &[u8], lanes: usize) -> usize {
    let hash = u128::from(murmur2(key) as u32);
    ((hash * lanes as u128) >> u32::BITS) as usize
}

/// One lane keeps them in order; which one differs from partition to partition, so that the lanes share the work.
fn without_key(partition: i32, lanes: usize) -> usize {
    partition.unsigned_abs() as usize % lanes
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::partitioner::by_key;
    use crate::record::Offset;

    fn batch<'a>(partition: i32, keys: impl IntoIterator<Item = Option<&'a [u8]>>) -> Batch {
        let mut batch = Batch::new("t".into(), partition);
        keys.into_iter().zip(0..).for_each(|(key, offset)| batch.push(Offset::new(offset), None, key, None));
        batch
    }

    #[test]
    fn records_without_a_key_are_one_lane_of_their_partition() {
        let lanes_of = |partition| cut(&batch(partition, [None, None, None]), 4);
        assert_eq!(lanes_of(5), [(1, vec![0, 1, 2])]);
        assert_eq!(lanes_of(6), [(2, vec![0, 1, 2])]);
        assert!(cut(&batch(5, []), 4).is_empty());
    }

    #[test]
    fn the_keys_of_one_partition_fill_all_lanes() {
        let keys: Vec<Vec<u8>> = (0..60_000).map(|key| format!("account-{key}").into_bytes()).collect();
        for partitions in [4, 6, 12, 16] {
            let of_partition = keys.iter().filter(|key| by_key(key, partitions) == 3).map(|key| Some(&key[..]));
            let batch = batch(3, of_partition);
            let lanes = cut(&batch, 4);
            let fair = batch.len() / 4;
            assert_eq!(lanes.len(), 4);
            assert!(lanes.iter().all(|(_, records)| records.len().abs_diff(fair) < fair / 5), "{partitions}");
        }
    }

    proptest! {
        #[test]
        fn every_record_has_one_lane_and_a_key_has_the_same_in_every_batch(
            keys in prop::collection::vec(prop::option::of("[a-d]{0,2}"), 0..60),
            lanes in 1usize..65,
            partition in 0..20,
        ) {
            let batch = batch(partition, keys.iter().map(|key| key.as_deref().map(str::as_bytes)));
            let mut lane_of = BTreeMap::new();
            let mut seen = Vec::new();
            for (lane, records) in cut(&batch, lanes) {
                prop_assert!(lane < lanes && !records.is_empty() && records.is_sorted());
                for record in &records {
                    prop_assert_eq!(*lane_of.entry(&keys[*record]).or_insert(lane), lane);
                }
                seen.extend(records);
            }
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..keys.len()).collect::<Vec<_>>());
            for key in keys.iter().flatten() {
                prop_assert_eq!(lane_of.get(&Some(key.clone())), Some(&of_key(key.as_bytes(), lanes)));
            }
        }
    }
}
