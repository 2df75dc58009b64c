//! Durations in logarithmic buckets: 64 to a power of two, so a percentile is within 1.6 %.

use std::time::Duration;

const SUB_BITS: u32 = 6;
const SUB: u64 = 1 << SUB_BITS;
/// Values from here on (some 9 minutes in ns) count as this.
const MAX: u64 = 1 << 39;
const BUCKETS: usize = ((39 - SUB_BITS + 1) as usize + 1) * SUB as usize;

/// Counts durations in nanoseconds.
#[derive(Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0, max: 0 }
    }
}

impl Histogram {
    pub fn add(&mut self, value: Duration) {
        let nanos = u64::try_from(value.as_nanos()).unwrap_or(MAX).min(MAX);
        self.counts[bucket(nanos)] += 1;
        self.total += 1;
        self.max = self.max.max(nanos);
    }

    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.total += other.total;
        self.max = self.max.max(other.max);
    }

    pub fn count(&self) -> u64 {
        self.total
    }

    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.max)
    }

    /// The duration that a share of all does not exceed (`0.99`: the 99th percentile); zero where nothing was counted.
    pub fn quantile(&self, share: f64) -> Duration {
        let rank = ((share * self.total as f64).ceil() as u64).clamp(1, self.total.max(1));
        let mut seen = 0;
        for (i, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Duration::from_nanos(middle(i).min(self.max));
            }
        }
        Duration::ZERO
    }

    pub fn summary(&self) -> Summary {
        let us = |d: Duration| d.as_nanos() as f64 / 1000.0;
        Summary {
            p50: us(self.quantile(0.50)),
            p90: us(self.quantile(0.90)),
            p99: us(self.quantile(0.99)),
            p999: us(self.quantile(0.999)),
            max: us(self.max()),
        }
    }
}

/// Percentiles in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Summary {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

/// Values below 64 have a bucket each; above, the top seven bits choose it.
fn bucket(value: u64) -> usize {
    let power = value.max(1).ilog2();
    if power < SUB_BITS {
        return value as usize;
    }
    let shift = power - SUB_BITS;
    ((u64::from(shift) + 1) * SUB + ((value >> shift) - SUB)) as usize
}

fn middle(bucket: usize) -> u64 {
    let (power, sub) = (bucket as u64 / SUB, bucket as u64 % SUB);
    if power == 0 {
        return sub;
    }
    let shift = power - 1;
    ((SUB + sub) << shift) + (1 << shift) / 2
}

/// The middle of some figures; of an even number, the mean of the two in the middle. `None` of none.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[half]),
        _ => Some(f64::midpoint(sorted[half - 1], sorted[half])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantiles_of_a_thousand_even_steps_are_where_they_belong() {
        let mut all = Histogram::default();
        for i in 1..=1000 {
            all.add(Duration::from_micros(i));
        }
        for (share, want) in [(0.5, 500.0), (0.9, 900.0), (0.99, 990.0), (0.999, 999.0), (1.0, 1000.0)] {
            let got = all.quantile(share).as_nanos() as f64 / 1000.0;
            assert!((got - want).abs() / want < 0.016, "{share}: {got}");
        }
        assert_eq!(all.max(), Duration::from_millis(1));
    }

    #[test]
    fn nothing_counted_is_zero_and_one_value_is_every_quantile() {
        let mut one = Histogram::default();
        assert_eq!(one.quantile(0.99), Duration::ZERO);
        one.add(Duration::from_nanos(77));
        assert_eq!((one.quantile(0.0), one.quantile(1.0)), (Duration::from_nanos(77), Duration::from_nanos(77)));
    }

    #[test]
    fn merging_is_counting_all_in_one() {
        let (mut left, mut right, mut both) = (Histogram::default(), Histogram::default(), Histogram::default());
        for i in 0..500_u64 {
            let value = Duration::from_nanos(i * i * 131);
            if i % 3 == 0 {
                left.add(value)
            } else {
                right.add(value)
            }
            both.add(value);
        }
        left.merge(&right);
        assert_eq!((left.count(), left.summary()), (both.count(), both.summary()));
    }

    #[test]
    fn a_value_beyond_the_bound_counts_as_the_bound() {
        let mut all = Histogram::default();
        all.add(Duration::from_secs(1_000_000));
        assert!(all.max() < Duration::from_secs(600));
    }

    #[test]
    fn a_median_is_the_middle_and_leaves_out_what_is_no_number() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, f64::NAN, 2.0, 3.0]), Some(2.5));
    }

    proptest! {
        #[test]
        fn a_bucket_is_within_its_error_and_order_is_kept(a in 0..MAX, b in 0..MAX) {
            let shown = middle(bucket(a));
            prop_assert!(shown.abs_diff(a) as f64 <= a as f64 * 0.008 + 0.5);
            prop_assert!(bucket(MAX) < BUCKETS);
            if a <= b {
                prop_assert!(bucket(a) <= bucket(b));
            }
        }
    }
}
