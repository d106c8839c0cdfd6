//! The query of a search, parsed: what is unknown, repeated or malformed is refused, never passed over.

use adapters::http_event::HttpRequest;
use adapters::problem::{Problem, ProblemType};
use adapters::regions::has_calling_code_1;
use adapters::twilio::{AreaCode, NumberKind, NumberPattern, StockQuery};
use domain::CountryCode;

/// Numbers that an answer holds at most.
const LIMIT_MAX: u32 = 50;
/// Numbers that an answer holds at most when the caller does not say.
const LIMIT_DEFAULT: u32 = 20;

/// The parameters of the contract.
const PARAMETERS: [&str; 5] = ["country", "type", "area_code", "contains", "limit"];

/// The name of a kind of number in the contract.
pub(crate) fn name_of(kind: NumberKind) -> &'static str {
    match kind {
        NumberKind::Local => "local",
        NumberKind::TollFree => "toll_free",
        NumberKind::Mobile => "mobile",
    }
}

/// What a request searches for.
///
/// # Errors
/// A 400 problem that names the parameter and never repeats its value.
pub(crate) fn parse(request: &HttpRequest) -> Result<StockQuery, Problem> {
    let given = request.query_of(&PARAMETERS)?;
    let parameter = |name: &str| given.get(name).copied();
    let country = parameter("country").ok_or_else(|| refused("country", "is missing"))?;
    let country = CountryCode::new(country)
        .ok_or_else(|| refused("country", "must be two capital letters (ISO 3166-1), as in US, CA or PR"))?;
    let kind = match parameter("type") {
        None => NumberKind::Local,
        Some(text) => kind_of(text).ok_or_else(|| refused("type", "must be local, toll_free or mobile"))?,
    };
    let area_code = parameter("area_code").map(|text| area_code_of(text, country)).transpose()?;
    let contains = parameter("contains").map(|text| {
        let rule = "must be 2 to 16 digits or letters, and * before or behind them for any one digit";
        NumberPattern::parse(text).ok_or_else(|| refused("contains", rule))
    });
    let limit = parameter("limit").map_or(Ok(LIMIT_DEFAULT), limit_of)?;
    Ok(StockQuery { country, kind, area_code, contains: contains.transpose()?, limit })
}

fn kind_of(text: &str) -> Option<NumberKind> {
    [NumberKind::Local, NumberKind::TollFree, NumberKind::Mobile].into_iter().find(|kind| name_of(*kind) == text)
}

fn area_code_of(text: &str, country: CountryCode) -> Result<AreaCode, Problem> {
    if !has_calling_code_1(country) {
        return Err(refused("area_code", "is for countries whose numbers start with +1; use `contains` for others"));
    }
    AreaCode::parse(text).ok_or_else(|| refused("area_code", "must be three digits, the first from 2 to 9"))
}

fn limit_of(text: &str) -> Result<u32, Problem> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let limit = text.parse::<u32>().ok().filter(|limit| digits && (1..=LIMIT_MAX).contains(limit));
    limit.ok_or_else(|| refused("limit", &format!("must be a whole number from 1 to {LIMIT_MAX}")))
}

fn refused(parameter: &str, rule: &str) -> Problem {
    Problem::new(ProblemType::InvalidRequest, format!("The query's parameter `{parameter}` {rule}."))
}
