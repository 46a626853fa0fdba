//! Which partition of the sink a record goes to, as the Java client's default partitioner decides.

/// The partition of a key: `toPositive(murmur2(key)) % partitions` (Kafka's `BuiltInPartitioner.partitionForKey`).
///
/// # Panics
/// When `partitions` is not positive.
pub fn by_key(key: &[u8], partitions: i32) -> i32 {
    assert!(partitions > 0, "a topic has partitions");
    (murmur2(key) & 0x7fff_ffff) % partitions
}

/// The partition of all records without a key in one batch. They stay together, for larger batches, and the batches
/// of a source partition go round.
///
/// # Panics
/// When `partitions` is not positive.
pub fn sticky(source_partition: i32, batch: u64, partitions: i32) -> i32 {
    assert!(partitions > 0, "a topic has partitions");
    let turn = batch.wrapping_add(source_partition.unsigned_abs().into());
    (turn % u64::from(partitions.unsigned_abs())) as i32
}

/// Kafka's `Utils.murmur2`, with its seed.
pub(crate) fn murmur2(data: &[u8]) -> i32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    const R: u32 = 24;

    let mut hash = SEED ^ data.len() as u32;
    let (words, rest) = data.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k = (k ^ (k >> R)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
    }
    for (place, byte) in rest.iter().enumerate() {
        hash ^= u32::from(*byte) << (8 * place);
    }
    if !rest.is_empty() {
        hash = hash.wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    (hash ^ (hash >> 15)) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of Kafka's own `UtilsTest.testMurmur2`.
    #[test]
    fn murmur2_agrees_with_the_java_client() {
        let vectors: [(&[u8], i32); 6] = [
            (b"21", -973_932_308),
            (b"foobar", -790_332_482),
            (b"a-little-bit-long-string", -985_981_536),
            (b"a-little-bit-longer-string", -1_486_304_829),
            (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            (b"abc", 479_470_107),
        ];
        for (key, hash) in vectors {
            assert_eq!(murmur2(key), hash, "{}", String::from_utf8_lossy(key));
        }
    }

    #[test]
    fn every_key_has_a_partition() {
        for length in 0..64 {
            let key = vec![0xff; length];
            assert!((0..7).contains(&by_key(&key, 7)));
        }
        assert_eq!(by_key(b"foobar", 12), ((-790_332_482i32) & 0x7fff_ffff) % 12);
    }

    #[test]
    fn batches_without_keys_go_round() {
        let turns: Vec<i32> = (0..5).map(|batch| sticky(2, batch, 3)).collect();
        assert_eq!(turns, [2, 0, 1, 2, 0]);
    }
}
