//! The operator's words of the command line: where they work, and what they write.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use adapters::ambient::{Ambient, Machine};
use adapters::config::BaseUrl;
use adapters::dynamodb::DynamoDb;
use adapters::rfc3339;
use adapters::twilio::{TwilioClient, TwilioSettings};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::config::Credentials;
use domain::{AccountSid, LockHolder, Operator, OperatorReason, Orphan, OrphanReason, PurchaseId, SubAccountId};
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::glance::{OpenPurchase, PURCHASES_TOLD_MAX, open_purchases};
use crate::reconcile::{Examined, Freed, Progress, UnreadableLock, examine, free_released};
use crate::redrive::{Fate, Filter, Letter, Manner, Queues, redrive};
use crate::report::write_line;
use crate::stack::Description;
use crate::tools::{ACCESS_KEY, REGION, SECRET_KEY};
use crate::up;
use crate::workspace::Workspace;

/// The exit code of a run that did what it was asked to, and leaves something for a person to decide.
pub(crate) const LEFT_FOR_A_PERSON: u8 = 3;

/// The whole time of one request to the carrier, in milliseconds: a page of a thousand numbers takes longer than one.
pub(crate) const CARRIER_TIMEOUT_MS: u64 = 30_000;

/// Where the table and the queues are; nothing given means the running stack.
#[derive(Debug, clap::Args)]
pub(crate) struct Place {
    /// The table; with it, region and credentials come from the environment as for any AWS program [variable: TABLE_NAME]
    #[arg(long)]
    table: Option<String>,
}

/// `dialgate redrive`.
#[derive(Debug, clap::Args)]
pub(crate) struct RedriveArguments {
    /// Change nothing, and say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Only messages of this sub-account
    #[arg(long, value_parser = parsed(SubAccountId::parse))]
    sub_account: Option<SubAccountId>,
    /// Only messages of this purchase
    #[arg(long, value_parser = parsed(PurchaseId::parse))]
    purchase: Option<PurchaseId>,
    /// Only messages that were sent at least so long ago: 45s, 30m, 12h, 2d
    #[arg(long, value_parser = duration)]
    older_than: Option<Duration>,
    /// Move at most so many
    #[arg(long)]
    limit: Option<usize>,
    /// Delete what cannot be read; without this it stays
    #[arg(long)]
    drop_unreadable: bool,
    /// Write one JSON object a line
    #[arg(long)]
    json: bool,
    /// The purchase queue [variable: PURCHASE_QUEUE_URL]
    #[arg(long)]
    queue_url: Option<String>,
    /// The queue of dead letters [variable: DEAD_LETTER_QUEUE_URL]
    #[arg(long)]
    dead_letter_queue_url: Option<String>,
    #[command(flatten)]
    place: Place,
}

/// `dialgate reconcile`.
#[derive(Debug, clap::Args)]
pub(crate) struct ReconcileArguments {
    /// Free the locks of numbers that were released outside; orphans are never touched
    #[arg(long)]
    apply: bool,
    /// The account at Twilio; the stack's, or TWILIO_ACCOUNT_SID, by default
    #[arg(long, value_parser = parsed(AccountSid::parse))]
    account: Option<AccountSid>,
    /// Write one JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// `dialgate purchases`.
#[derive(Debug, clap::Args)]
pub(crate) struct PurchasesArguments {
    /// Only this sub-account's
    #[arg(long, value_parser = parsed(SubAccountId::parse))]
    sub_account: Option<SubAccountId>,
    /// Write one JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// Tells every purchase that is not over. Exit code 0: no visit is late; 3: some are, or a purchase cannot be read.
pub(crate) async fn tell_purchases(arguments: PurchasesArguments) -> Result<ExitCode> {
    let (config, table) = match arguments.place.table.or_else(|| variable_of("TABLE_NAME")) {
        Some(table) => (aws_config::load_defaults(BehaviorVersion::latest()).await, table),
        None => {
            let stack = up::running(&Workspace::find()?)?;
            (config_of(&stack).await, stack.table_name)
        }
    };
    let store = DynamoDb::new(aws_sdk_dynamodb::Client::new(&config), table);
    let read = |purchases| show_progress(&format!("{purchases} purchases read"));
    let open = open_purchases(&store, arguments.sub_account.as_ref(), read).await?;
    clear_progress();
    let now = Machine.now();
    let mut by_state: BTreeMap<&str, usize> = BTreeMap::new();
    for purchase in &open {
        *by_state.entry(purchase.state()).or_default() += 1;
        let OpenPurchase { sub_account, id, standing, due_at } = purchase;
        let read = standing.as_ref().ok();
        write_line(&if arguments.json {
            let value = json!({
                "purchase": id.as_str(), "sub_account": sub_account.as_str(), "state": purchase.state(),
                "numbers": read.map(|standing| standing.numbers), "broken": standing.as_ref().err(),
                "created_at": read.map(|standing| rfc3339(standing.created_at)), "due_at": rfc3339(*due_at),
                "late": purchase.is_late(now),
            });
            value.to_string()
        } else {
            purchase.line(now)
        });
    }
    let late = open.iter().filter(|purchase| purchase.is_late(now)).count();
    let cut = open.len() >= PURCHASES_TOLD_MAX;
    write_line(&if arguments.json {
        json!({"not_over": open.len(), "by_state": by_state, "late": late, "more": cut}).to_string()
    } else {
        let states: String = by_state.iter().map(|(state, count)| format!(", {count} {state}")).collect();
        let more = if cut { ", and perhaps more" } else { "" };
        format!("purchases: {} not over{states}; {late} late{more}", open.len())
    });
    let is_clean = late == 0 && open.iter().all(|purchase| purchase.standing.is_ok());
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::from(LEFT_FOR_A_PERSON) })
}

/// Moves dead letters back. Exit code 0: none is left; 3: some are left, each was told why.
pub(crate) async fn redrive_letters(arguments: RedriveArguments) -> Result<ExitCode> {
    let given = |flag: Option<String>, variable: &'static str| flag.or_else(|| variable_of(variable));
    let table = given(arguments.place.table, "TABLE_NAME");
    let queue_url = given(arguments.queue_url, "PURCHASE_QUEUE_URL");
    let dead_letter_queue_url = given(arguments.dead_letter_queue_url, "DEAD_LETTER_QUEUE_URL");
    let (config, table, purchase_queue_url, dead_letter_queue_url) = match (table, queue_url, dead_letter_queue_url) {
        (Some(table), Some(queue), Some(dead)) => {
            (aws_config::load_defaults(BehaviorVersion::latest()).await, table, queue, dead)
        }
        (None, None, None) => {
            let stack = up::running(&Workspace::find()?)?;
            (config_of(&stack).await, stack.table_name, stack.purchase_queue_url, stack.dead_letter_queue_url)
        }
        (None, _, _) => return Err(Error::SettingMissing { given: "a queue", needed: "--table or TABLE_NAME" }),
        (_, None, _) => {
            return Err(Error::SettingMissing { given: "--table", needed: "--queue-url or PURCHASE_QUEUE_URL" });
        }
        (_, _, None) => {
            let needed = "--dead-letter-queue-url or DEAD_LETTER_QUEUE_URL";
            return Err(Error::SettingMissing { given: "--table", needed });
        }
    };
    let queues = Queues { client: aws_sdk_sqs::Client::new(&config), purchase_queue_url, dead_letter_queue_url };
    let store = DynamoDb::new(aws_sdk_dynamodb::Client::new(&config), table);
    let filter = Filter {
        sub_account: arguments.sub_account,
        purchase: arguments.purchase,
        older_than: arguments.older_than,
        limit: arguments.limit,
    };
    let manner = Manner { dry_run: arguments.dry_run, drop_unreadable: arguments.drop_unreadable };
    let now = Machine.now();
    let tell = |letter: &Letter| {
        if arguments.json {
            write_line(&letter_json(letter, manner).to_string());
        } else {
            write_line(&letter.line(manner, now));
        }
    };
    let letters = redrive(&store, &queues, &filter, manner, now, tell).await?;
    let count = |fate: Fate| letters.iter().filter(|letter| letter.fate == fate).count();
    let (moved, dropped) = (count(Fate::Moved), count(Fate::Dropped));
    let left = letters.len() - moved - dropped;
    if arguments.json {
        let summary = json!({"moved": moved, "deleted": dropped, "left": left, "dry_run": manner.dry_run});
        write_line(&summary.to_string());
    } else {
        let would = if manner.dry_run { " (nothing was changed)" } else { "" };
        write_line(&format!("redrive: {moved} moved back, {dropped} deleted, {left} left{would}"));
    }
    Ok(if left == 0 { ExitCode::SUCCESS } else { ExitCode::from(LEFT_FOR_A_PERSON) })
}

/// Compares the carrier's numbers with the table. Exit code 0: everything fits, or was made to; 3: something does not.
pub(crate) async fn reconcile_account(arguments: ReconcileArguments) -> Result<ExitCode> {
    let (store, carrier, account) = match arguments.place.table.or_else(|| variable_of("TABLE_NAME")) {
        Some(table) => {
            let needed = |needed| variable_of(needed).ok_or(Error::SettingMissing { given: "--table", needed });
            let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
            let user = needed("TWILIO_ACCOUNT_SID")?;
            let url = variable_of("TWILIO_API_BASE_URL").unwrap_or_else(|| "https://api.twilio.com".to_owned());
            let store = DynamoDb::new(aws_sdk_dynamodb::Client::new(&config), table);
            let account = arguments.account.map_or_else(|| account_of(&user), Ok)?;
            (store, carrier(&url, user, needed("TWILIO_AUTH_TOKEN")?, &account)?, account)
        }
        None => {
            let stack = up::running(&Workspace::find()?)?;
            let config = config_of(&stack).await;
            let store = DynamoDb::new(aws_sdk_dynamodb::Client::new(&config), stack.table_name);
            let account = arguments.account.map_or_else(|| account_of(&stack.twilio_account_sid), Ok)?;
            (store, carrier(&stack.twilio_url, stack.twilio_account_sid, stack.twilio_auth_token, &account)?, account)
        }
    };
    let told = |progress| match progress {
        Progress::Locks(locks) => show_progress(&format!("{locks} locks read")),
        Progress::Numbers(numbers) => show_progress(&format!("{numbers} numbers of the carrier read")),
    };
    let examined = examine(&store, &carrier, &Machine, &account, told).await?;
    clear_progress();
    let tell = |value: Value, line: String| write_line(&if arguments.json { value.to_string() } else { line });
    let Examined { found, locks, listed, unreadable, unreadable_locks } = &examined;
    for Orphan { listed, why } in &found.orphans {
        let mark = listed.mark.as_ref().map(PurchaseId::as_str);
        let (name, words) = orphan_words(why);
        let value = json!({
            "finding": "orphan", "phone_number": listed.number.as_str(), "sid": listed.sid.as_str(), "mark": mark,
            "why": name,
        });
        let mark = mark.map_or_else(|| "no mark of ours".to_owned(), |mark| format!("the mark {mark}"));
        tell(value, format!("orphan   {} is {} with {mark}: {words}", listed.number, listed.sid));
    }
    let mut freed = 0;
    for missing in &found.missing {
        let outcome = if arguments.apply {
            let operator = Operator { name: None, reason: reason()? };
            Some(free_released(&store, &carrier, &Machine, &account, missing, &operator).await?)
        } else {
            None
        };
        freed += usize::from(outcome == Some(Freed::Freed));
        let (name, words) = match outcome {
            None => ("named", "it was released outside Dialgate; --apply frees its lock"),
            Some(Freed::Freed) => ("freed", "it was released outside Dialgate; its lock is free now"),
            Some(Freed::FoundAgain) => ("found_again", "the carrier has it after all; nothing was changed"),
            Some(Freed::Changed) => ("changed", "its purchase changed meanwhile; nothing was changed"),
        };
        let holder = &missing.holder;
        let value = json!({
            "finding": "missing", "phone_number": missing.number.as_str(), "sid": missing.sid.as_str(),
            "purchase": holder.purchase.as_str(), "sub_account": holder.sub_account.as_str(), "done": name,
        });
        tell(value, format!("missing  {} of {}, {}: {words}", missing.number, holder_words(holder), missing.sid));
    }
    for locked in &found.empty_locks {
        let holder = &locked.holder;
        let value = json!({
            "finding": "empty_lock", "phone_number": locked.number.as_str(), "purchase": holder.purchase.as_str(),
            "sub_account": holder.sub_account.as_str(),
        });
        let words = "its lock guards nothing: nobody can buy it here until the lock is deleted by hand";
        tell(value, format!("lock     {} of {}: {words}", locked.number, holder_words(holder)));
    }
    for UnreadableLock { number, holder, why } in unreadable_locks {
        let value = json!({
            "finding": "unreadable_lock", "phone_number": number, "why": why,
            "purchase": holder.as_ref().map(|holder| holder.purchase.as_str()),
            "sub_account": holder.as_ref().map(|holder| holder.sub_account.as_str()),
        });
        let whose = holder.as_ref().map_or_else(|| "nobody knows whom".to_owned(), holder_words);
        tell(value, format!("lock     {number} of {whose}: {why}, so nothing is said of this number"));
    }
    let unreadable = unreadable + unreadable_locks.len();
    let (orphans, missing, empty) = (found.orphans.len(), found.missing.len(), found.empty_locks.len());
    let summary = json!({
        "account": account.as_str(), "listed": listed, "locks": locks, "fitting": found.fitting, "orphans": orphans,
        "missing": missing, "freed": freed, "empty_locks": empty, "under_way": found.under_way,
        "foreign": found.foreign, "unreadable": unreadable,
    });
    let line = format!(
        "reconcile: {listed} numbers, {locks} locks, {} fit, {orphans} orphans, {missing} missing ({freed} freed), \
         {empty} empty locks, {} under way, {} not ours, {unreadable} unreadable",
        found.fitting, found.under_way, found.foreign
    );
    tell(summary, line);
    let is_clean = orphans == 0 && missing == freed && empty == 0 && unreadable == 0;
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::from(LEFT_FOR_A_PERSON) })
}

fn carrier(url: &str, user: String, password: String, account: &AccountSid) -> Result<TwilioClient> {
    let unusable = |what: String| Error::UnexpectedAnswer { from: "TWILIO_API_BASE_URL", what };
    let base_url = BaseUrl::parse(url).map_err(|problem| unusable(problem.to_string()))?;
    let (account, password) = (account.clone(), password.into());
    let settings = TwilioSettings { base_url, account, user, password, timeout_ms: CARRIER_TIMEOUT_MS };
    Ok(TwilioClient::new(settings)?)
}

fn account_of(text: &str) -> Result<AccountSid> {
    AccountSid::parse(text)
        .map_err(|problem| Error::UnexpectedAnswer { from: "TWILIO_ACCOUNT_SID", what: problem.to_string() })
}

fn reason() -> Result<OperatorReason> {
    OperatorReason::parse("dialgate reconcile --apply: the carrier does not have the number any more")
        .map_err(|problem| Error::UnexpectedAnswer { from: "dialgate", what: problem.to_string() })
}

fn orphan_words(why: &OrphanReason) -> (&'static str, String) {
    match why {
        OrphanReason::NobodyOwnsIt => (
            "nobody_owns_it",
            "no purchase owns it. Read the purchase that the mark names; give the number back at Twilio, or keep it there \
             under another name"
                .to_owned(),
        ),
        OrphanReason::AnotherOwnsIt(holder) => {
            ("another_owns_it", format!("it belongs to {}. Look at both purchases before anything else", holder_words(holder)))
        }
        OrphanReason::ItsPurchaseFailed(holder) => (
            "its_purchase_failed",
            format!(
                "{} failed before it was there. Its last look, within a day of that, holds it for an operator: complete it \
                 then, or give the number back at Twilio",
                holder_words(holder)
            ),
        ),
        OrphanReason::OwnedUnder(holder, sid) => (
            "owned_under_another_sid",
            format!("{} owns it as {sid}: it was given back and bought again outside", holder_words(holder)),
        ),
    }
}

fn holder_words(holder: &LockHolder) -> String {
    let member = holder.member.map(|index| format!(" number {}", index.get() + 1)).unwrap_or_default();
    format!("{}{member} of {}", holder.purchase, holder.sub_account)
}

fn letter_json(letter: &Letter, manner: Manner) -> Value {
    let fate = match letter.fate {
        Fate::Moved => "moved",
        Fate::Dropped => "deleted",
        Fate::Unreadable => "left_unreadable",
        Fate::PurchaseUnreadable => "left_purchase_unreadable",
        Fate::Filtered => "left_filtered",
    };
    let message = letter.message.as_ref();
    json!({
        "message_id": letter.message_id,
        "sent_at": letter.sent_at.map(rfc3339),
        "length_bytes": letter.length_bytes,
        "purchase": message.map(|message| message.id.as_str()),
        "sub_account": message.map(|message| message.sub_account.as_str()),
        "number": message.and_then(|message| message.member).map(|index| index.get() + 1),
        "state": letter.state,
        "broken": letter.broken,
        "fate": fate,
        "dry_run": manner.dry_run,
    })
}

/// How far it is, on a terminal only, on a line that the next one overwrites.
#[expect(clippy::print_stderr, reason = "progress is for the person at the terminal, not for what reads the output")]
fn show_progress(words: &str) {
    if std::io::stderr().is_terminal() {
        eprint!("\r{words}");
        let _gone = std::io::stderr().flush();
    }
}

#[expect(clippy::print_stderr, reason = "see `show_progress`")]
fn clear_progress() {
    if std::io::stderr().is_terminal() {
        eprint!("\r{:60}\r", "");
    }
}

/// The emulator, whatever the developer's own environment says.
async fn config_of(stack: &Description) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "dialgate"))
        .endpoint_url(&stack.aws_endpoint_url)
        .load()
        .await
}

fn variable_of(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn parsed<T, E: std::fmt::Display>(
    parse: impl Fn(&str) -> std::result::Result<T, E> + Clone + Send + Sync + 'static,
) -> impl Fn(&str) -> std::result::Result<T, String> + Clone + Send + Sync + 'static {
    move |text| parse(text).map_err(|problem| problem.to_string())
}

/// A length of time: whole seconds, minutes, hours or days.
fn duration(text: &str) -> std::result::Result<Duration, String> {
    let wrong = || "write it as 45s, 30m, 12h or 2d".to_owned();
    let unit_s = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        Some('d') => 86_400,
        Some(_) | None => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    number.checked_mul(unit_s).map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::duration;

    #[test]
    fn lengths_of_time_are_whole_numbers_of_one_unit() {
        assert_eq!(duration("45s"), Ok(Duration::from_secs(45)));
        assert_eq!(duration("30m"), Ok(Duration::from_secs(1800)));
        assert_eq!(duration("12h"), Ok(Duration::from_secs(43_200)));
        assert_eq!(duration("2d"), Ok(Duration::from_secs(172_800)));
        for wrong in ["", "d", "2", "2w", "-1d", "1.5h", "99999999999999999999d", "9999999999999999d", "2ä"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
