//! What every storage adapter must do, each sentence of the ports a test of its own.
//!
//! An adapter's tests say how to make an empty store, and run every case under its own name:
//!
//! ```ignore
//! async fn empty() -> Fixture { /* two stores on the same new storage */ }
//!
//! countersign_store::conformance!(empty);
//! ```

// A case is documented by its name, and fails by panicking.
#![allow(missing_docs, clippy::missing_panics_doc)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::any::Any;
use std::sync::Arc;

use crate::Store;

pub mod changes;
pub mod consumers;
pub mod credentials;
pub mod followers;
pub mod grants;
pub mod key_check;
mod race;
pub mod replays;
mod samples;
pub mod series;
pub mod sessions;
pub mod sweep;
pub mod token_keys;

/// New storage with nothing in it.
pub struct Fixture {
    /// A store on it.
    pub store: Arc<dyn Store>,
    /// Another on the same, as another process holds it; the same one where storage cannot be shared.
    pub other: Arc<dyn Store>,
    /// What must live as long as the storage, such as the directory that it is in.
    pub keep: Box<dyn Any>,
}

/// Runs one case on what `empty` makes, with several threads.
pub fn run(empty: impl AsyncFnOnce() -> Fixture, case: impl AsyncFnOnce(&Fixture)) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .expect("a runtime for the case");
    runtime.block_on(async { case(&empty().await).await });
}

/// Makes a test of each case of the suite. Takes the name of an async function, which gives a [`Fixture`].
#[macro_export]
macro_rules! conformance {
    ($empty:ident) => {
        $crate::conformance_cases! { $empty
            consumers {
                a_consumer_reads_back_by_name_and_by_identity
                what_was_never_added_is_not_found
                a_name_and_an_identity_are_given_once
                names_that_differ_in_case_are_two_names
                consumers_are_listed_by_name
                a_consumer_is_disabled_and_enabled_again
                a_consumer_keeps_the_limits_it_was_given_last
                a_removed_consumer_takes_its_credentials_along
                the_name_of_a_removed_consumer_is_free
                what_is_not_there_is_neither_set_nor_removed
                odd_but_legal_consumers_read_back
                of_many_that_add_one_name_at_once_one_does
            }
            followers {
                a_follower_is_known_by_what_it_said_last
                a_forgotten_follower_is_gone_until_it_speaks_again
                what_followers_say_is_no_change
            }
            credentials {
                a_credential_reads_back_with_its_consumer
                what_was_never_issued_is_not_found
                odd_but_legal_credentials_read_back
                a_key_id_and_a_digest_are_given_once
                two_dialects_may_have_the_same_key_id_for_different_consumers
                many_are_inserted_all_or_none
                what_was_imported_is_told_by_dialect
                the_signers_of_a_consumer_are_what_is_good_now_the_newest_first
                no_credential_without_its_consumer
                credentials_are_listed_oldest_first
                the_look_up_shows_that_the_consumer_is_disabled
                rotation_leaves_the_old_one_rotating_and_the_new_one_active
                only_an_active_credential_is_rotated
                a_rotation_that_cannot_be_done_writes_nothing
                rotation_prolongs_nothing
                a_credential_is_revoked_from_every_state_and_once
                a_credential_keeps_the_limits_it_was_given_last_and_gives_them_to_nobody
                of_many_that_rotate_one_credential_at_once_one_does
                of_many_that_revoke_one_credential_at_once_one_does
                a_credential_that_is_rotated_and_revoked_at_once_ends_revoked
                no_credential_outlives_its_consumer_however_they_race
            }
            sessions {
                a_session_reads_back
                odd_but_legal_sessions_read_back
                an_address_that_never_logged_in_has_generation_zero
                a_login_moves_the_generation_of_its_address_alone
                a_login_with_a_spent_generation_writes_nothing
                a_login_with_an_identity_in_use_writes_nothing
                a_refresh_moves_the_session_on
                a_refresh_that_comes_late_writes_nothing
                an_ended_session_stays_ended_as_it_first_was
                ended_sessions_are_listed_until_they_expire
                of_many_logins_with_one_generation_one_begins
                logins_of_different_addresses_do_not_race
                of_many_refreshes_from_one_counter_one_advances
                of_many_that_end_one_session_one_does
            }
            grants {
                grants_add_up
                a_grant_of_nothing_leaves_no_grant
                grants_are_listed_by_address
                a_revoked_wallet_has_nothing_and_its_sessions_are_ended
                revoking_a_wallet_spares_the_others
                revoking_a_wallet_counts_only_what_it_ends
                revoking_what_is_not_there_writes_nothing
                a_login_under_way_does_not_begin_after_the_wallet_was_revoked
                grants_made_at_once_all_count
                a_login_and_a_revocation_at_once_leave_no_session_alive_behind_it
            }
            key_check {
                the_first_check_that_is_kept_stays
                of_many_checks_kept_at_once_all_are_given_the_same
                some_sealed_credential_is_found_where_there_is_one
            }
            token_keys {
                token_keys_are_listed_the_last_added_first_whatever_their_times
                a_token_key_is_added_only_after_the_newest
                the_name_of_a_token_key_is_given_once
                a_removed_token_key_is_gone
                odd_but_legal_token_keys_read_back
                of_many_that_add_the_first_token_key_one_does
                of_many_that_add_the_next_token_key_one_does
            }
            changes {
                the_feed_of_an_empty_store_is_empty
                issuing_rotating_and_revoking_are_recorded
                disabling_enabling_and_removing_a_consumer_are_recorded
                new_limits_are_recorded
                ending_sessions_is_recorded
                adding_and_removing_token_keys_is_recorded
                what_nobody_keeps_in_memory_is_not_recorded
                what_writes_nothing_records_nothing
                each_process_sees_what_the_other_changed
                a_batch_is_bounded_and_the_next_goes_on
                a_cursor_that_the_feed_never_gave_is_a_reset
                a_follower_beside_many_writers_misses_nothing
            }
            replays {
                a_signature_is_claimed_once
                what_is_claimed_in_one_scope_is_free_in_another
                a_claim_lasts_to_the_last_millisecond_of_its_end
                a_claim_with_a_longer_end_outlasts_the_one_before_it
                what_has_ended_already_is_never_claimed
                what_was_swept_stays_used_when_the_clock_steps_back
                what_was_not_swept_is_as_it_was_when_the_clock_steps_back
                a_claim_without_an_end_lasts_as_long_as_its_credential
                only_a_credential_that_can_be_used_claims_anything
                a_rotating_credential_claims_as_before
                a_claim_without_an_end_goes_when_its_credential_expires
                what_a_credential_claimed_before_it_rotated_is_not_free_when_the_clock_steps_back
                a_key_id_that_is_issued_again_claims_and_keeps_its_claims
                a_nonce_must_be_greater_than_every_one_before_it
                nonces_are_compared_as_numbers_of_128_bits
                nonces_and_signatures_do_not_touch_each_other
                of_64_that_claim_one_signature_at_once_one_is_first
                of_many_numbers_claimed_at_once_none_passes_after_a_greater_one
                claims_and_sweeps_at_once_let_nothing_pass_twice
            }
            series {
                any_series_of_acts_is_answered_as_the_simplest_store_answers_it
            }
            sweep {
                expired_sessions_go_at_their_moment_and_the_living_stay
                the_generation_outlives_the_sessions
                a_sweep_of_sessions_is_bounded_and_the_next_goes_on
                the_newest_changes_are_kept
                a_cursor_older_than_the_feed_is_a_reset
                a_sweep_of_the_feed_is_bounded_and_the_next_goes_on
                claims_go_after_their_end_and_the_living_stay
                a_sweep_of_claims_is_bounded_and_the_next_goes_on
                the_claims_of_a_credential_that_is_gone_are_swept
            }
        }
    };
}

/// The other half of [`conformance!`]: its list, expanded.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_cases {
    ($empty:ident $($noun:ident { $($case:ident)* })*) => { $(
        mod $noun { $(
            #[test]
            fn $case() {
                $crate::testing::conformance::run(super::$empty, $crate::testing::conformance::$noun::$case);
            }
        )* }
    )* };
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_case_of_the_suite_is_run() {
        let list = include_str!("conformance.rs");
        let listed = |case: &str| list.lines().any(|line| line.trim() == case);
        let modules = [
            include_str!("conformance/changes.rs"),
            include_str!("conformance/consumers.rs"),
            include_str!("conformance/credentials.rs"),
            include_str!("conformance/grants.rs"),
            include_str!("conformance/key_check.rs"),
            include_str!("conformance/replays.rs"),
            include_str!("conformance/series.rs"),
            include_str!("conformance/sessions.rs"),
            include_str!("conformance/sweep.rs"),
            include_str!("conformance/token_keys.rs"),
        ];
        for line in modules.iter().flat_map(|module| module.lines()) {
            let Some(rest) = line.strip_prefix("pub async fn ") else { continue };
            let case = rest.split('(').next().unwrap();
            assert!(listed(case), "{case} is not in the list");
        }
    }
}
