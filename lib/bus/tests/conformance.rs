//! One suite for both backends: what a stage may rely on, whatever log it runs on.
//!
//! Each promise is one async function over a [`World`]; the embedded world lives in a temporary folder, the Kafka
//! world in a real broker that this binary starts once. Without Java and Maven the Kafka half says that it is skipped.
#![allow(clippy::unwrap_used, unreachable_pub)] // The helpers are tests too, and nothing here has callers outside.

mod conformance {
    pub mod basics;
    pub mod cleaning;
    pub mod crashes;
    pub mod groups;
    pub mod limits;
    pub mod world;
}

use conformance::world::World;
use conformance::{basics, cleaning, groups, limits};

/// One test per promise and backend.
macro_rules! conformance {
    ($($module:ident :: $name:ident,)*) => {
        mod embedded {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    $module::$name(World::embedded().await).await;
                }
            )*
        }
        mod kafka {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    if let Some(world) = World::kafka(stringify!($name)).await {
                        $module::$name(world).await;
                    }
                }
            )*
        }
    };
}

conformance! {
    basics::records_of_a_key_keep_their_order,
    basics::a_key_goes_to_the_same_partition_on_both_backends,
    basics::key_value_headers_and_deletions_come_back_as_they_were_sent,
    basics::acknowledged_records_are_there_after_reopening,
    basics::a_reader_starts_where_it_was_told,
    basics::a_reader_waits_at_the_end_and_goes_on,
    basics::offsets_tell_the_first_and_the_next_record,
    basics::creating_topics_twice_changes_nothing,
    basics::an_unknown_topic_is_named,
    basics::time_of_appending_never_runs_backwards_in_a_partition,
    groups::a_new_group_starts_at_the_earliest_record,
    groups::a_group_goes_on_from_its_commits,
    groups::two_members_share_and_the_one_who_stays_takes_over_without_loss,
    groups::a_partition_passes_on_only_when_its_guard_is_dropped,
    groups::equal_partitions_of_two_topics_go_to_one_member,
    groups::reading_starts_where_the_member_seeks_on_assignment,
    groups::a_seek_in_the_middle_reads_on_from_there,
    groups::a_dropped_wait_loses_nothing,
    groups::ordered_commit_never_passes_an_open_record,
    groups::a_partition_of_another_member_cannot_be_committed,
    limits::one_mebibyte_passes,
    limits::a_record_over_the_limit_is_refused_and_the_next_one_passes,
    limits::dead_letters_keep_the_raw_bytes_and_the_place,
    limits::a_dead_letter_of_the_largest_record_passes,
    cleaning::compaction_keeps_the_last_value_of_each_key,
}
