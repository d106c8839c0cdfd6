//! The stories again, through the deployed template: gateway, tokens, roles, queue, schedule and the real binaries in
//! the emulator, Persona and Twilio as simulators that speak their wire formats.
//!
//! One stack is started for all flows; each flow has sub-accounts and numbers of its own, so they run side by side. The
//! schedule is off: flows invoke the sweeper themselves, and nothing waits for a minute to pass.

mod bad_input;
mod contract;
mod engine;
mod operating;
mod persona_events;
mod phones;
mod platform;
mod purchases;
mod searching;
mod stack;
mod verifications;

use std::process::ExitCode;
use std::sync::{Arc, PoisonError, RwLock};

use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;

use crate::stack::Deployed;

/// One flow: fails by panicking, as tests do.
type Flow = fn(Arc<Deployed>) -> futures::future::BoxFuture<'static, ()>;

/// Flows that change what every other one meets, and therefore run while no other does.
const ALONE: [&str; 4] = [
    "purchases::a_lost_webhook_is_found_by_the_sweep",
    "operating::dead_letters_are_told_and_moved_back",
    "phones::a_platform_that_asks_for_a_phone_and_its_owners_name",
    "persona_events::an_old_signature_is_a_reason_to_ask_persona",
];

/// A list of flows by name.
macro_rules! flows {
    ($($module:ident: $($name:ident),+;)+) => {
        [$($((concat!(stringify!($module), "::", stringify!($name)), (|stack| Box::pin($module::$name(stack))) as Flow)),+),+]
    };
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let runtime = Arc::new(Runtime::new().expect("a runtime can be made"));
    let flows = flows! {
        purchases:
            an_unverified_sub_account_buys_its_first_number, a_verified_sub_account_is_not_asked_again,
            a_number_that_is_not_gated_needs_no_persona, a_lost_webhook_is_found_by_the_sweep,
            a_lost_answer_of_the_carrier_is_one_charge, a_number_that_is_gone_fails_with_a_reason,
            a_waiting_purchase_can_be_cancelled, a_closed_tab_gets_a_session_of_the_same_inquiry;
        engine:
            a_pool_waits_and_is_bought_by_the_approval, a_pool_that_cannot_be_whole_is_given_back,
            another_number_is_taken_for_one_that_is_gone, purchases_are_listed_newest_first,
            an_operator_moves_a_sub_account_and_is_the_only_one_who_may;
        verifications:
            an_operator_approves_and_the_audit_tells_it, an_agency_proves_itself_once_for_its_sub_accounts,
            who_is_erased_is_forgotten;
        bad_input:
            requests_without_a_right_token_are_refused, requests_that_cannot_be_understood_are_refused,
            another_sub_accounts_things_do_not_exist, deliveries_without_a_right_signature_change_nothing;
        operating:
            what_is_not_over_is_told, dead_letters_are_told_and_moved_back,
            numbers_that_do_not_fit_are_named_and_only_locks_freed;
        platform:
            no_credential_but_the_buyers_can_buy,
            nothing_personal_is_stored_or_logged, the_sweep_runs_in_the_emulator;
        phones:
            a_phone_is_approved_by_its_passcode, a_range_that_nobody_answers_is_closed,
            a_platform_that_asks_for_a_phone_and_its_owners_name;
        searching:
            a_number_that_is_found_can_be_bought, puerto_rico_and_what_is_not_offered,
            searches_that_are_not_right_are_refused, the_key_that_searches_cannot_buy;
        persona_events:
            every_event_is_taken_and_the_decisions_count, a_triggered_approval_completes_what_waits_once,
            an_old_signature_is_a_reason_to_ask_persona, a_replay_tells_what_an_event_would_do_and_does_nothing;
        contract: the_emulators_table_answers_as_the_one_in_memory;
    };
    if arguments.list {
        let trials = flows.into_iter().map(|(name, _)| Trial::test(name, || Ok(()))).collect();
        return libtest_mimic::run(&arguments, trials).exit_code();
    }
    let stack = match runtime.block_on(Deployed::start()) {
        Ok(stack) => Arc::new(stack),
        Err(problem) => {
            #[expect(clippy::print_stderr, reason = "a test program speaks on standard error")]
            {
                eprintln!("The stack could not be started: {problem}\n`make test` installs and builds what it needs.");
            }
            return ExitCode::FAILURE;
        }
    };
    let turn = Arc::new(RwLock::new(()));
    let trials = flows
        .into_iter()
        .map(|(name, flow)| {
            let (runtime, stack, turn) = (Arc::clone(&runtime), Arc::clone(&stack), Arc::clone(&turn));
            Trial::test(name, move || {
                let alone = ALONE.contains(&name).then(|| turn.write().unwrap_or_else(PoisonError::into_inner));
                let _beside = alone.is_none().then(|| turn.read().unwrap_or_else(PoisonError::into_inner));
                runtime.block_on(runtime.spawn(flow(stack))).map_err(|panic| Failed::from(panic.to_string()))
            })
        })
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if let Some(stack) = Arc::into_inner(stack) {
        runtime.block_on(stack.stop());
    }
    conclusion.exit_code()
}
