//! How a number of bytes is shared out between what is fetched ahead, what is in flight, and what is being sent.
//!
//! Everything of which there is one for each partition is counted for all of them, as if this instance owned them all: what
//! is planned is the worst case, and no record is refused for want of memory later.

use std::fmt;

use thiserror::Error;

/// What a pipeline would take if there were enough for everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// That one instance may own at a time.
    pub partitions: usize,
    /// Bytes that are fetched ahead in each partition.
    pub prefetch: usize,
    /// Bytes in flight over all partitions: as they came in, and rendered.
    pub in_flight: usize,
}

/// What it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    pub partitions: usize,
    /// Bytes that are fetched ahead in each partition (librdkafka's `queued.max.messages.kbytes`).
    pub prefetch: usize,
    /// Messages that are fetched ahead in each partition (`queued.min.messages`).
    pub messages: usize,
    /// Bytes of one partition in one answer of a broker (`fetch.message.max.bytes`), which may come on top.
    pub fetch: usize,
    /// Bytes of a batch. One of each partition may go beyond what is in flight.
    pub batch: usize,
    /// Bytes in flight over all partitions.
    pub in_flight: usize,
    /// Bytes that are not planned with.
    pub set_aside: usize,
}

#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("{partitions} partitions need at least {needed} bytes, and there are {given}")]
pub struct TooSmall {
    pub partitions: usize,
    pub needed: usize,
    pub given: usize,
}

/// A batch is in memory as it came in, rendered, and as librdkafka's copy on its way out.
const COPIES: usize = 3;
/// Of what is in flight, the rendered half is there twice: librdkafka copies it.
const IN_FLIGHT_COPIES: usize = 2;
/// What librdkafka is taken to need for a message beside its content, which alone it counts. As much as for contents is left
/// for that: small messages reach the one bound, large ones the other.
const BESIDE_A_MESSAGE: usize = 512;
/// How many times its size an answer takes when it is taken apart, which happens at once: with messages of 100 bytes.
const TAKEN_APART: usize = 5;
/// For each partition: with less, there is a request to a broker for every few records.
pub const LEAST_FOR_A_PARTITION: usize = 128 << 10;
const MOST_FETCH: usize = 1 << 20;
/// A topic takes no larger batch, unless its `max.message.bytes` says so. How large they are nobody can see before they are
/// fetched, and a broker answers with a whole one, however little is asked for (KIP-74).
const WRITTEN_BATCH: usize = 1 << 20;
/// Of each partition: one that is being taken, one that is fetched behind it, and another that is kept because it came in one
/// answer with a third that is not taken.
const WRITTEN_BATCHES: usize = 3;
const MOST_BATCH: usize = 1 << 20;

/// Of `bytes`, the part that is shared out. The rest is for what nobody can plan: a broker's answer stays whole as long as
/// one record of it has not been taken, and the allocator holds back what it may need again.
const fn usable(bytes: usize) -> usize {
    bytes / 4 * 3
}

/// Shares out what is usable of `bytes`: half to what is in flight, and half to the partitions.
///
/// # Errors
/// There are more partitions than that is enough for.
pub fn share(bytes: usize, demand: Demand) -> Result<Share, TooSmall> {
    let (partitions, half) = (demand.partitions.max(1), usable(bytes) / 2);
    let in_flight = demand.in_flight.min(half / IN_FLIGHT_COPIES);
    let of_a_partition = half / partitions;
    if of_a_partition < LEAST_FOR_A_PARTITION {
        let needed = least(partitions);
        return Err(TooSmall { partitions, needed, given: bytes });
    }
    let fetch = (of_a_partition / 4 / TAKEN_APART).min(MOST_FETCH);
    let batch = (of_a_partition / 8).min(MOST_BATCH);
    let prefetch = ((of_a_partition - TAKEN_APART * fetch - COPIES * batch) / 2).min(demand.prefetch);
    let messages = (prefetch / BESIDE_A_MESSAGE).max(1);
    Ok(Share { partitions, prefetch, messages, fetch, batch, in_flight, set_aside: bytes - usable(bytes) })
}

/// The least that so many partitions can do with.
pub fn least(partitions: usize) -> usize {
    (2 * partitions.max(1) * LEAST_FOR_A_PARTITION).div_ceil(3) * 4
}

// === impl Share ===

impl Share {
    /// The most that is in memory at a time, with batches as small as what is fetched at a time.
    pub fn worst_case(&self) -> usize {
        let ahead = self.prefetch + self.messages * BESIDE_A_MESSAGE;
        self.partitions * (ahead + TAKEN_APART * self.fetch + COPIES * self.batch) + IN_FLIGHT_COPIES * self.in_flight
    }

    /// What may come on top of all that was given, where each partition holds batches as large as one may be written.
    pub fn beyond(&self) -> usize {
        (self.partitions * WRITTEN_BATCHES * WRITTEN_BATCH).saturating_sub(self.set_aside)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: usize| bytes as f64 / f64::from(1 << 20);
        write!(
            out,
            "{} partitions: {:.1} MiB fetched ahead and batches of {:.1} MiB in each, {:.1} MiB in flight; {:.0} MiB at the most",
            self.partitions,
            mib(self.prefetch),
            mib(self.batch),
            mib(self.in_flight),
            mib(self.worst_case()).ceil()
        )?;
        if self.beyond() == 0 {
            return Ok(());
        }
        let beyond = mib(self.beyond()).ceil();
        write!(
            out,
            ", and {beyond:.0} MiB more where its topics were written in batches of {:.0} MiB, for a broker answers with whole ones",
            mib(WRITTEN_BATCH)
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIB: usize = 1 << 20;

    #[test]
    fn with_plenty_everybody_gets_what_is_asked_for() {
        let demand = Demand { partitions: 8, prefetch: 8 * MIB, in_flight: 64 * MIB };
        let share = share(512 * MIB, demand).expect("enough");
        assert_eq!((share.prefetch, share.in_flight), (demand.prefetch, demand.in_flight));
        assert_eq!((share.fetch, share.batch), (MOST_FETCH, MOST_BATCH));
        assert_eq!(share.beyond(), 0, "those of eight partitions fit into what is set aside");
    }

    #[test]
    fn many_partitions_may_hold_more_than_is_set_aside() {
        let share = share(80 * MIB, Demand { partitions: 64, prefetch: MIB, in_flight: MIB }).expect("enough");
        assert_eq!((share.set_aside, share.beyond()), (20 * MIB, 172 * MIB));
    }

    #[test]
    fn what_is_too_little_says_how_much_is_needed() {
        let demand = Demand { partitions: 100, prefetch: MIB, in_flight: MIB };
        let error = share(MIB, demand).expect_err("too little");
        assert!((100 * 2 * LEAST_FOR_A_PARTITION..100 * 3 * LEAST_FOR_A_PARTITION).contains(&error.needed));
        assert!(share(error.needed, demand).is_ok(), "and that is enough");
    }

    proptest! {
        #[test]
        fn the_worst_case_is_within_the_budget(
            bytes in 1usize << 16..1 << 34,
            partitions in 0usize..5_000,
            prefetch in BESIDE_A_MESSAGE..1 << 27,
            in_flight in 1usize << 10..1 << 30,
        ) {
            let demand = Demand { partitions, prefetch, in_flight };
            match share(bytes, demand) {
                Ok(share) => {
                    prop_assert!(share.worst_case() + share.set_aside <= bytes, "{share:?}: {}", share.worst_case());
                    prop_assert!(share.prefetch <= prefetch && share.in_flight <= in_flight);
                    prop_assert!(share.prefetch > 0 && share.fetch > 0 && share.batch > 0 && share.in_flight > 0);
                    prop_assert!(bytes >= least(partitions));
                }
                Err(error) => {
                    prop_assert!(bytes < error.needed);
                    prop_assert_eq!(error.needed, least(partitions));
                }
            }
        }

        #[test]
        fn more_memory_never_means_less(bytes in 1usize << 24..1 << 32, partitions in 1usize..64) {
            let demand = Demand { partitions, prefetch: 8 << 20, in_flight: 64 << 20 };
            let (less, more) = (share(bytes, demand), share(bytes + (1 << 20), demand));
            if let (Ok(less), Ok(more)) = (less, more) {
                prop_assert!(less.in_flight <= more.in_flight && less.batch <= more.batch);
                prop_assert!(less.fetch <= more.fetch && less.prefetch <= more.prefetch + (1 << 10));
            }
        }
    }
}
