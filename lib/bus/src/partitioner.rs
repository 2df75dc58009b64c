//! Which partition a key belongs to: murmur2 as in Java's default partitioner and librdkafka's `murmur2_random`.

use weir_schemas::Partition;

/// The partition of `key` among `count`. An empty key is a key like any other.
pub fn partition_of(key: &[u8], count: i32) -> Partition {
    Partition((murmur2(key) & 0x7fff_ffff) as i32 % count.max(1))
}

fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    const R: u32 = 24;

    let mut hash = SEED ^ data.len() as u32;
    let (words, rest) = data.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> R;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !rest.is_empty() {
        for (i, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * i);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values that Kafka's own tests (`UtilsTest.testMurmur2`) hold.
    #[test]
    fn hashes_are_those_of_java() {
        for (key, hash) in [
            ("21", -973_932_308_i32),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()) as i32, hash, "{key}");
        }
    }

    #[test]
    fn every_key_has_a_partition_in_range() {
        for count in 1..50 {
            for key in 0..200u32 {
                assert!((0..count).contains(&partition_of(&key.to_be_bytes(), count).0));
            }
            assert!((0..count).contains(&partition_of(b"", count).0));
        }
    }
}
