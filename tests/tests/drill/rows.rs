//! The rows of the table: the presets, Lookup's failures, and each defence alone.

use domain::{AllowedCountries, Limit, LineTypePolicy, PhoneLimit, PhoneLimits, PhonePolicy, PhonePreset};

use crate::play::Lookup;

/// The name of the row that the last line is about.
pub(crate) const BALANCED: &str = "balanced";

/// What a row must hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound {
    pub(crate) stopped_percent_min: f64,
    pub(crate) refused_percent_below: f64,
}

/// One row.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) policy: PhonePolicy,
    pub(crate) lookup: Lookup,
    pub(crate) bound: Option<Bound>,
    /// Who asks besides the honest people.
    pub(crate) campaign: Campaign,
    /// Messages that a phone of the campaign gets at most.
    pub(crate) messages_max: Option<u32>,
}

/// Who asks besides the honest people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Campaign {
    /// Nobody.
    None,
    /// Whoever is paid for messages, and answers none.
    Pumping,
    /// Whoever is paid for messages, and answers each with a phone of its own.
    Answering,
}

fn row(name: &'static str, policy: PhonePolicy, lookup: Lookup, bound: Option<(f64, f64)>) -> Row {
    let bound =
        bound.map(|(stopped_percent_min, refused_percent_below)| Bound { stopped_percent_min, refused_percent_below });
    Row { name, policy, lookup, bound, campaign: Campaign::Pumping, messages_max: None }
}

/// Nothing is counted, nothing is looked up; only Twilio's own five messages a verification stand.
fn undefended() -> PhonePolicy {
    let day_ms = 24 * 60 * 60 * 1000;
    PhonePolicy {
        countries: AllowedCountries::All,
        blocked_countries: Vec::new(),
        limits: PhoneLimits {
            phone: PhoneLimit {
                window_ms: day_ms,
                messages_max: u32::MAX,
                messages_in_all_max: u32::MAX,
                growing_pause: false,
            },
            prefix: None,
            prefix_us_ca: None,
            sub_account_country: None,
            unserved_country: None,
            sub_account: None,
            address: None,
        },
        line_types: LineTypePolicy::NotAsked,
        risk: None,
        ..PhonePolicy::of(PhonePreset::Balanced)
    }
}

/// All rows, each campaign's undefended one first; `alone` adds each defence of `balanced` alone.
pub(crate) fn rows(alone: bool) -> Vec<Row> {
    let balanced = PhonePolicy::of(PhonePreset::Balanced);
    let mut rows = vec![
        row("undefended", undefended(), Lookup::Up, None),
        row("open", PhonePolicy::of(PhonePreset::Open), Lookup::Up, None),
        row(BALANCED, balanced.clone(), Lookup::Up, Some((99.0, 0.5))),
        Row {
            campaign: Campaign::None,
            ..row("balanced, honest people alone", balanced.clone(), Lookup::Up, Some((100.0, 0.5)))
        },
        row("strict", PhonePolicy::of(PhonePreset::Strict), Lookup::Up, None),
        row("balanced, Lookup down", balanced.clone(), Lookup::Down, Some((90.0, 100.0))),
        row("balanced, Lookup blind", balanced.clone(), Lookup::Blind, Some((90.0, 100.0))),
    ];
    if alone {
        rows.extend(alone_rows(&balanced));
    }
    rows.extend(answered_rows(&balanced, alone));
    rows
}

/// The campaign that answers: what the limits on unanswered passcodes do not stop, and what each ceiling does.
fn answered_rows(balanced: &PhonePolicy, alone: bool) -> Vec<Row> {
    let answered = |name, policy| Row { campaign: Campaign::Answering, ..row(name, policy, Lookup::Up, None) };
    let bounded = balanced.limits;
    let no_ceiling_per_phone = PhoneLimit { messages_in_all_max: u32::MAX, ..bounded.phone };
    let no_ceiling_a_day = bounded.sub_account.map(|limit| Limit { a_day_max: None, ..limit });
    let limited =
        |phone, sub_account| PhonePolicy { limits: PhoneLimits { phone, sub_account, ..bounded }, ..balanced.clone() };
    let mut rows = vec![
        answered("answered, undefended", undefended()),
        answered("answered, balanced without ceilings", limited(no_ceiling_per_phone, no_ceiling_a_day)),
        Row {
            messages_max: Some(bounded.phone.messages_in_all_max),
            bound: Some(Bound { stopped_percent_min: 95.0, refused_percent_below: 0.5 }),
            ..answered("answered, balanced", balanced.clone())
        },
    ];
    if alone {
        rows.extend([
            answered("answered, ceiling per phone alone", limited(bounded.phone, no_ceiling_a_day)),
            answered("answered, ceiling a day alone", limited(no_ceiling_per_phone, bounded.sub_account)),
            answered("answered, open", PhonePolicy::of(PhonePreset::Open)),
            answered("answered, strict", PhonePolicy::of(PhonePreset::Strict)),
        ]);
    }
    rows
}

fn alone_rows(balanced: &PhonePolicy) -> Vec<Row> {
    let limits = &balanced.limits;
    let nothing = undefended();
    let limited = |limits: PhoneLimits| PhonePolicy { limits, ..nothing.clone() };
    let alone = |name, policy| row(name, policy, Lookup::Up, None);
    let none = nothing.limits;
    vec![
        alone("all limits alone", limited(*limits)),
        alone("limit per phone alone", limited(PhoneLimits { phone: limits.phone, ..none })),
        alone(
            "limit per prefix alone",
            limited(PhoneLimits { prefix: limits.prefix, prefix_us_ca: limits.prefix_us_ca, ..none }),
        ),
        alone(
            "limit per sub-account, country alone",
            limited(PhoneLimits { sub_account_country: limits.sub_account_country, ..none }),
        ),
        alone(
            "limit per unserved country alone",
            limited(PhoneLimits { unserved_country: limits.unserved_country, ..none }),
        ),
        alone("limit per sub-account alone", limited(PhoneLimits { sub_account: limits.sub_account, ..none })),
        alone("limit per address alone", limited(PhoneLimits { address: limits.address, ..none })),
        alone("line type alone", PhonePolicy { line_types: balanced.line_types, ..nothing.clone() }),
        alone("risk score alone", PhonePolicy { risk: balanced.risk, ..nothing.clone() }),
        alone("served countries alone", PhonePolicy { countries: AllowedCountries::Served, ..nothing.clone() }),
    ]
}
