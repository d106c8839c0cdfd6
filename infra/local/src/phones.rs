//! `dialgate phones`: how many passcodes are answered, what they cost, and whether Twilio counted the same.

use std::collections::BTreeMap;
use std::process::ExitCode;

use adapters::ambient::{Ambient, Machine};
use adapters::config::BaseUrl;
use adapters::items::channel_name;
use adapters::twilio::{AttemptSummary, TwilioAccess, VerifyClient, VerifySettings};
use domain::{CONVERSION_DAYS, Channel, Conversion, CountryCode, DayCounts, Instant, MessagePrices};
use serde_json::{Value, json};

use crate::deployment::parsed;
use crate::error::{Error, Result};
use crate::operate::{CARRIER_TIMEOUT_MS, LEFT_FOR_A_PERSON};
use crate::report::write_line;
use crate::stack::Description;
use crate::tools::Tools;
use crate::up;
use crate::workspace::Workspace;

/// How far our counts may be from Twilio's before somebody should look, in percent of Twilio's. Twilio's summary lags by
/// minutes, and a message whose answer was lost is Twilio's alone. Ours.
const DIFFERENCE_PERCENT_MAX: u64 = 5;
/// The same for small counts.
const DIFFERENCE_MAX: u64 = 5;

/// Partitions that the counts are spread over.
const SHARDS: u32 = 4;

/// One line: a country and channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    sent: u32,
    messages: u32,
    checked: u32,
    approved: u32,
}

/// Prints the counts of the running stack's last days, one line for each country and channel, beside Twilio's own. Where
/// they differ, something is left for a person.
///
/// # Errors
/// If no stack is up, or the table or Twilio cannot be asked.
pub(crate) async fn show(as_json: bool) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let stack = up::running(&workspace)?;
    let tools = Tools::installed(&workspace)?;
    let today = Machine.now().unix_ms().div_euclid(24 * 3600 * 1000);
    // Each shard keeps its last days with counts; only those that all of them keep are compared.
    let first_day = today + 1 - i64::try_from(CONVERSION_DAYS).unwrap_or(i64::MAX);
    let mut lines: BTreeMap<(String, String), Counts> = BTreeMap::new();
    for shard in 0..SHARDS {
        add(&mut lines, &shard_of(&tools, &stack, shard).await?, first_day)?;
    }
    if !as_json {
        write_line(&format!(
            "{:<8} {:<9} {:>6} {:>7} {:>8} {:>10} {:>8} {:>9} {:>9} {:>14} {:>12}",
            "country",
            "channel",
            "sent",
            "checked",
            "approved",
            "conversion",
            "messages",
            "cost",
            "lost",
            "sent at Twilio",
            "converted"
        ));
    }
    let (verify, since) = (verify_of(&stack)?, Instant::from_unix_ms(first_day * 24 * 3600 * 1000));
    let mut differing = false;
    for ((country, channel), counts) in &lines {
        let twilio = summary(&verify, Some((country.as_str(), channel.as_str())), since).await?;
        differing |= counts.differs(twilio);
        write_line(&line(country, channel, cost_of(country, counts), counts, twilio, as_json));
    }
    // What was sent where nothing was counted here: with our key, and not by us.
    let all = lines.values().fold(Counts::default(), Counts::and);
    let twilio = summary(&verify, None, since).await?;
    differing |= all.differs(twilio);
    if lines.is_empty() && twilio.attempts == 0 && !as_json {
        write_line("no passcode was sent yet");
    } else {
        let costs = lines.iter().map(|((country, _), counts)| cost_of(country, counts));
        write_line(&line("all", "all", costs.fold(Cost::default(), Cost::and), &all, twilio, as_json));
    }
    Ok(if differing { ExitCode::from(LEFT_FOR_A_PERSON) } else { ExitCode::SUCCESS })
}

/// What messages cost, in millionths of a dollar.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    all: i64,
    /// Of those that nobody answered.
    lost: i64,
}

impl Cost {
    fn and(self, other: Self) -> Self {
        Self { all: self.all + other.all, lost: self.lost + other.lost }
    }
}

fn cost_of(country: &str, counts: &Counts) -> Cost {
    let price = CountryCode::new(country).map_or(0, |country| MessagePrices::default().of(country));
    let of = |messages: u32| price * i64::from(messages);
    Cost { all: of(counts.messages), lost: of(counts.messages.saturating_sub(counts.approved)) }
}

impl Counts {
    fn and(self, other: &Self) -> Self {
        Self {
            sent: self.sent + other.sent,
            messages: self.messages + other.messages,
            checked: self.checked + other.checked,
            approved: self.approved + other.approved,
        }
    }

    /// Whether Twilio counted something else, by more than its lag explains.
    fn differs(&self, twilio: AttemptSummary) -> bool {
        let far = |ours: u32, twilio: u32| {
            let (ours, twilio) = (u64::from(ours), u64::from(twilio));
            ours.abs_diff(twilio) > DIFFERENCE_MAX.max(twilio * DIFFERENCE_PERCENT_MAX / 100)
        };
        far(self.messages, twilio.attempts) || far(self.approved, twilio.converted)
    }
}

/// Every item of one shard.
async fn shard_of(tools: &Tools, stack: &Description, shard: u32) -> Result<Value> {
    let values = json!({":pk": {"S": format!("C#{shard}")}}).to_string();
    let arguments = [
        "dynamodb",
        "query",
        "--table-name",
        &stack.table_name,
        "--key-condition-expression",
        "pk = :pk",
        "--expression-attribute-values",
        &values,
    ];
    parsed("the table", &tools.aws(&stack.aws_endpoint_url, &arguments).await?)
}

fn add(lines: &mut BTreeMap<(String, String), Counts>, answer: &Value, first_day: i64) -> Result<()> {
    let unreadable = || Error::UnexpectedAnswer { from: "the table", what: "counts that cannot be read".to_owned() };
    for item in answer["Items"].as_array().into_iter().flatten() {
        let (country, channel) = item["sk"]["S"].as_str().and_then(|sk| sk.split_once('#')).ok_or_else(unreadable)?;
        let counts = lines.entry((country.to_owned(), channel.to_owned())).or_default();
        for day in item["days"]["L"].as_array().ok_or_else(unreadable)? {
            let day = day_of(&day["M"]).ok_or_else(unreadable)?;
            if day.day < first_day {
                continue;
            }
            counts.sent += day.sent;
            counts.messages += day.messages;
            counts.checked += day.checked;
            counts.approved += day.approved;
        }
    }
    Ok(())
}

fn day_of(day: &Value) -> Option<DayCounts> {
    let number = |name: &str| day[name]["N"].as_str()?.parse().ok();
    Some(DayCounts {
        day: day["day"]["N"].as_str()?.parse().ok()?,
        sent: number("sent")?,
        messages: number("messages")?,
        checked: number("checked")?,
        approved: number("approved")?,
    })
}

/// Twilio Verify, as the stack asks it.
fn verify_of(stack: &Description) -> Result<VerifyClient> {
    let unusable = |what: String| Error::UnexpectedAnswer { from: "the stack's description", what };
    let base_url = BaseUrl::parse(&stack.twilio_verify_url).map_err(|error| unusable(error.to_string()))?;
    let twilio = TwilioAccess {
        base_url,
        user: stack.twilio_api_key_sid.clone(),
        password: stack.twilio_api_key_secret.clone().into(),
        timeout_ms: CARRIER_TIMEOUT_MS,
    };
    let service = stack.twilio_verify_service_sid.clone();
    Ok(VerifyClient::new(VerifySettings { twilio, service, rate_limits: Vec::new() })?)
}

/// What Twilio counted in the same days, in a country over a channel or altogether.
async fn summary(verify: &VerifyClient, of: Option<(&str, &str)>, since: Instant) -> Result<AttemptSummary> {
    let unexpected = |from, what: String| Error::UnexpectedAnswer { from, what };
    let known = |(country, channel): (&str, &str)| {
        let named = Channel::ALL.into_iter().find(|known| channel_name(known) == channel);
        Some((CountryCode::new(country)?, named?))
    };
    let of = of.map(|of| known(of).ok_or_else(|| unexpected("the table", format!("counts of {of:?}")))).transpose()?;
    verify.summary(of, since).await.map_err(|error| unexpected("Twilio Verify", error.to_string()))
}

fn line(country: &str, channel: &str, cost: Cost, counts: &Counts, twilio: AttemptSummary, as_json: bool) -> String {
    let conversion = Conversion { sent: counts.sent, approved: counts.approved };
    let Cost { all: cost, lost } = cost;
    if as_json {
        return json!({
            "country": country, "channel": channel, "sent": counts.sent, "checked": counts.checked,
            "approved": counts.approved, "conversion_percent": conversion.percent(), "cost_microdollars": cost,
            "messages": counts.messages, "lost_microdollars": lost, "twilio_sent": twilio.attempts, "twilio_converted": twilio.converted,
            "differs": counts.differs(twilio),
        })
        .to_string();
    }
    let percent = conversion.percent().map_or_else(|| "-".to_owned(), |percent| format!("{percent} %"));
    let low = if conversion.is_low() { "  low" } else { "" };
    let differs = if counts.differs(twilio) { "  differs" } else { "" };
    format!(
        "{country:<8} {channel:<9} {:>6} {:>7} {:>8} {percent:>10} {:>8} {:>9} {:>9} {:>14} {:>12}{low}{differs}",
        counts.sent,
        counts.checked,
        counts.approved,
        counts.messages,
        dollars(cost),
        dollars(lost),
        twilio.attempts,
        twilio.converted
    )
}

fn dollars(microdollars: i64) -> String {
    format!("${}.{:04}", microdollars / 1_000_000, microdollars % 1_000_000 / 100)
}

#[cfg(test)]
mod tests {
    use super::{AttemptSummary, Cost, Counts, add, cost_of, line};
    use serde_json::json;
    use std::collections::BTreeMap;

    #[test]
    fn shards_and_days_are_added_up() {
        let day = |day: i64, sent: u32, approved: u32| {
            json!({"M": {
                "day": {"N": day.to_string()}, "sent": {"N": sent.to_string()},
                "messages": {"N": (sent + 1).to_string()},
                "checked": {"N": sent.to_string()}, "approved": {"N": approved.to_string()},
            }})
        };
        let mut lines = BTreeMap::new();
        for shard in [vec![day(19_999, 7, 7), day(20_001, 40, 39)], vec![day(20_000, 10, 9), day(20_001, 50, 32)]] {
            let answer = json!({"Items": [{"sk": {"S": "GB#sms"}, "days": {"L": shard}}]});
            add(&mut lines, &answer, 20_000).expect("is readable");
        }
        let counts = lines[&("GB".to_owned(), "sms".to_owned())];
        assert_eq!(counts, Counts { sent: 100, messages: 103, checked: 100, approved: 80 });
        let text =
            line("GB", "sms", cost_of("GB", &counts), &counts, AttemptSummary { attempts: 103, converted: 80 }, false);
        assert!(text.contains("80 %") && text.contains("$23.0411") && text.contains("$5.1451"), "{text}");
        assert!(text.ends_with("low"), "{text}");
        assert!(add(&mut lines, &json!({"Items": [{"sk": {"S": "GB#sms"}}]}), 0).is_err());
    }

    #[test]
    fn what_twilio_counted_differently_is_said() {
        let counts = Counts { sent: 990, messages: 1000, checked: 980, approved: 970 };
        for (sent, converted, differs) in [(1000, 970, false), (1049, 970, false), (1060, 970, true), (1000, 900, true)]
        {
            let twilio = AttemptSummary { attempts: sent, converted };
            assert_eq!(
                line("GB", "sms", cost_of("GB", &counts), &counts, twilio, false).ends_with("differs"),
                differs,
                "{sent} {converted}"
            );
        }
        // What somebody else sends with our key is in no line of ours, and in the last one.
        let nothing = Counts::default().and(&Counts::default());
        let stolen =
            line("all", "all", Cost::default(), &nothing, AttemptSummary { attempts: 900, converted: 0 }, false);
        assert!(stolen.ends_with("differs"), "{stolen}");
        let few = Counts { sent: 2, messages: 2, ..Counts::default() };
        assert!(!few.differs(AttemptSummary { attempts: 7, converted: 0 }), "five messages are no difference");
        assert!(few.differs(AttemptSummary { attempts: 8, converted: 0 }));
    }
}
