//! Everything that our clients ask Twilio for, over a real connection.

use adapters::config::BaseUrl;
use adapters::name_match::{NameLookup, PersonName};
use adapters::twilio::{
    AreaCode, Carrier, Checking, Created, LookupClient, NumberKind, NumberPattern, Passcodes, PhoneLookup,
    RATE_LIMIT_NAMES, RateLimitValues, Sending, Stock, StockQuery, TwilioAccess, TwilioClient, TwilioSettings,
    VerifyClient, VerifySettings,
};
use domain::{AccountSid, Channel, CountryCode, Instant, PhoneNumber, SubAccountId};
use secrecy::SecretString;

use crate::simulator::{ACCOUNT, API_KEY, API_SECRET, SERVICE, Simulator, TOKEN};

/// How long a client waits, in milliseconds. Never reached when all is well.
const PATIENT_MS: u64 = 20_000;
const MARK: &str = "pur_0123456789abcdef0123456789abcdef";

fn base_url(url: &str) -> BaseUrl {
    BaseUrl::parse(url).expect("plain http to this machine is allowed")
}

fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).expect("is a number")
}

fn client(url: &str, user: &str, password: &str) -> TwilioClient {
    TwilioClient::new(TwilioSettings {
        base_url: base_url(url),
        account: AccountSid::parse(ACCOUNT).expect("is an id"),
        user: user.to_owned(),
        password: password.to_owned().into(),
        timeout_ms: PATIENT_MS,
    })
    .expect("a client")
}

fn access(url: &str) -> TwilioAccess {
    TwilioAccess {
        base_url: base_url(url),
        user: API_KEY.to_owned(),
        password: API_SECRET.to_owned().into(),
        timeout_ms: PATIENT_MS,
    }
}

/// Asks for everything once, at the recorder's address.
pub(crate) async fn ask_for_everything(simulator: &Simulator, url: &str) {
    buy(url).await;
    search(url).await;
    look_up(url).await;
    send_and_compare(simulator, url).await;
}

async fn buy(url: &str) {
    let (account, wanted) = (AccountSid::parse(ACCOUNT).expect("is an id"), number("+12125550123"));
    let client = client(url, ACCOUNT, TOKEN);
    assert_eq!(client.find(&account, &wanted).await, Ok(None));
    let Created::Bought(bought) = client.create(&account, &wanted, MARK).await else { panic!("is bought") };
    assert_eq!(client.find(&account, &wanted).await, Ok(Some(bought.clone())));
    assert_eq!(client.find_marked(&account, MARK).await.map(|found| found.len()), Ok(1));
    assert_eq!(client.fetch(&account, &bought.sid).await, Ok(Some(bought.clone())));
    assert_eq!(client.release(&account, &bought.sid).await, Ok(()));
    assert_eq!(client.fetch(&account, &bought.sid).await, Ok(None));
    assert_eq!(client.create(&account, &number("+15005550000"), MARK).await, Created::NotAvailable);
}

async fn search(url: &str) {
    let client = client(url, API_KEY, API_SECRET);
    for (country, kind, area_code, contains) in [
        ("US", NumberKind::Local, None, None),
        ("US", NumberKind::Local, Some("212"), Some("55*")),
        ("US", NumberKind::TollFree, Some("800"), None),
        ("CA", NumberKind::Local, Some("416"), None),
        ("PR", NumberKind::Local, Some("787"), None),
        ("GB", NumberKind::Mobile, None, None),
    ] {
        let query = StockQuery {
            country: CountryCode::new(country).expect("two letters"),
            kind,
            area_code: area_code.map(|code| AreaCode::parse(code).expect("is one")),
            contains: contains.map(|pattern| NumberPattern::parse(pattern).expect("is one")),
            limit: 5,
        };
        let found = client.search(&query).await.expect("an answer");
        assert!(!found.is_empty(), "{country} {kind:?}");
    }
    let jamaican = StockQuery::same_area_code(&number("+18765550123"), 5).expect("there is one");
    assert!(!client.search(&jamaican).await.expect("an answer").is_empty());
}

async fn look_up(url: &str) {
    let client = LookupClient::new(access(url)).expect("a client");
    let (phone, sub_account) = (number("+12125550123"), SubAccountId::parse("Loc1").expect("is a word"));
    client.line_type(&phone).await.expect("an answer");
    client.pumping_risk(&number("+221771234567"), &sub_account).await.expect("an answer");
    let name = PersonName { first: SecretString::from("Maria"), last: SecretString::from("O'Neill & Söhne") };
    client.name_levels(&phone, &name).await.expect("an answer");
}

async fn send_and_compare(simulator: &Simulator, url: &str) {
    let limited =
        VerifySettings { twilio: access(url), service: SERVICE.to_owned(), rate_limits: RATE_LIMIT_NAMES.to_vec() };
    let unlimited = VerifySettings { rate_limits: Vec::new(), ..limited.clone() };
    for name in RATE_LIMIT_NAMES {
        let limits = format!("/v2/Services/{SERVICE}/RateLimits");
        simulator.call((ACCOUNT, TOKEN), "POST", &limits, &[("UniqueName", name)]).await;
    }
    let client = VerifyClient::new(limited).expect("a client");
    let values = RateLimitValues {
        number_prefix: "+1212555".to_owned(),
        sub_account: "Loc1".to_owned(),
        source_address: Some("5f2a".to_owned()),
    };
    let phone = number("+12125550123");
    for channel in [Channel::Call, Channel::Whatsapp] {
        assert!(matches!(client.start(&phone, channel, &values).await, Sending::Sent(_)), "{channel:?}");
    }
    let client = VerifyClient::new(unlimited).expect("a client");
    let Sending::Sent(sid) = client.start(&phone, Channel::Sms, &values).await else { panic!("is sent") };
    let code = simulator.code().await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let compare = async |code: &str| client.check(&sid, &SecretString::from(code.to_owned())).await;
    assert!(matches!(compare(wrong).await, Checking::Answered(_)));
    assert!(matches!(compare(&code).await, Checking::Answered(_)));
    assert_eq!(compare(&code).await, Checking::Gone);
    assert_eq!(client.was_converted(&sid).await, Ok(true));
    let us = CountryCode::new("US").expect("two letters");
    let long_ago = Instant::from_unix_ms(1_577_836_800_123);
    let summary = client.summary(Some((us, Channel::Sms)), long_ago).await.expect("an answer");
    assert_eq!((summary.attempts, summary.converted), (1, 1));
}
