//! What each defence says, preset by preset.

use std::fmt::Write;

use domain::{
    Channel, CountryCode, Instant, LineType, PhonePolicy, PhonePreset, PhoneRecord, PumpingRisk, Screened,
    screen_country, screen_line_type, screen_risk,
};

const NOW: Instant = Instant::from_unix_ms(1_795_348_800_000);
const PRESETS: [PhonePreset; 3] = [PhonePreset::Open, PhonePreset::Balanced, PhonePreset::Strict];

fn word(screened: Screened) -> String {
    match screened {
        Screened::Passed => "pass".to_owned(),
        Screened::PassedForReview => "pass, review".to_owned(),
        Screened::Refused { why, again_at, blocks_prefix } => {
            let range = if blocks_prefix { ", range too" } else { "" };
            format!("{why:?} for {} s{range}", again_at.ms_since(NOW) / 1000)
        }
    }
}

fn country(code: &str) -> CountryCode {
    CountryCode::new(code).expect("is a country")
}

#[test]
fn screening_table() {
    let mut table = String::new();
    for preset in PRESETS {
        let policy = PhonePolicy::of(preset);
        writeln!(table, "\n{preset:?}").expect("text can be written");
        for (name, code) in [("none", None), ("GB", Some("GB")), ("CU", Some("CU"))] {
            for served in [true, false] {
                let screened = screen_country(&policy, code.map(country), served, NOW);
                let served = if served { "served" } else { "not served" };
                writeln!(table, "  country {name:<5} {served:<12} {}", word(screened)).expect("text can be written");
            }
        }
        for line in LineType::ALL {
            let by = |channel| word(screen_line_type(policy.line_types, line, channel, NOW));
            let channels = Channel::ALL.map(by).join(" | ");
            writeln!(table, "  line {:<17} {channels}", format!("{line:?}")).expect("text can be written");
        }
        let risk = policy.risk_for(country("GB")).expect("every preset asks");
        for score in [0, 59, 60, 74, 75, 89, 90, 100] {
            for (number_blocked, served) in [(false, true), (false, false), (true, true)] {
                let record = PhoneRecord::default();
                let screened = screen_risk(&risk, PumpingRisk { score, number_blocked }, &record, served, NOW);
                let blocked = if number_blocked { ", blocked" } else { "" };
                let served = if served { "served" } else { "not served" };
                let what = format!("{score}{blocked}, {served}");
                writeln!(table, "  risk {what:<21} {}", word(screened)).expect("text can be written");
            }
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn the_score_is_not_asked_for_where_it_means_nothing() {
    for preset in PRESETS {
        let policy = PhonePolicy::of(preset);
        for code in ["US", "CA"] {
            assert_eq!(policy.risk_for(country(code)), None, "{code}");
        }
        for code in ["PR", "JM", "GB"] {
            assert!(policy.risk_for(country(code)).is_some(), "{code}");
        }
    }
}
