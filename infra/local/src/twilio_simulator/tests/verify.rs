//! Sending and comparing passcodes.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ACCOUNT, API_KEY, API_SECRET, Answer, SERVICE, TOKEN, Twilio, read};

const TO: &str = "+12125550123";

/// 10 minutes, after which a code is over.
const LIFETIME_MS: u64 = 600_000;

impl Twilio {
    /// A request of version 2 with the account's credentials.
    pub(super) async fn v2(&self, method: Method, path: &str, pairs: &[(&str, &str)]) -> Answer {
        self.v2_as((ACCOUNT, TOKEN), method, path, pairs).await
    }

    pub(super) async fn v2_as(&self, who: (&str, &str), method: Method, path: &str, pairs: &[(&str, &str)]) -> Answer {
        let request = self.request_as(who.0, who.1, method.clone(), &format!("/v2{path}"));
        read(if method == Method::POST { request.form(pairs) } else { request.query(pairs) }.send().await).await
    }

    async fn start_with(&self, more: &[(&str, &str)]) -> Answer {
        let mut form = vec![("To", TO), ("Channel", "sms")];
        form.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
        form.extend(more);
        self.v2(Method::POST, &format!("/Services/{SERVICE}/Verifications"), &form).await
    }

    async fn check_code(&self, code: &str) -> Answer {
        self.v2(Method::POST, &format!("/Services/{SERVICE}/VerificationCheck"), &[("To", TO), ("Code", code)]).await
    }

    async fn fetch(&self, sid: &str) -> Answer {
        self.v2(Method::GET, &format!("/Services/{SERVICE}/Verifications/{sid}"), &[]).await
    }

    /// The code of the latest verification.
    async fn code(&self) -> String {
        let state = self.state().await;
        let all = state["verify"]["verifications"].as_array().expect("a list").clone();
        all.last().expect("one was started")["code"].as_str().expect("a text").to_owned()
    }

    /// A code of the right length that is another one.
    async fn wrong_code(&self) -> String {
        if self.code().await == "000000" { "000001".to_owned() } else { "000000".to_owned() }
    }

    async fn pass(&self, ms: u64) {
        self.control("advance", json!({ "ms": ms })).await;
    }
}

#[tokio::test]
async fn a_code_is_sent_and_comes_back() {
    let twilio = Twilio::start().await;
    let started = twilio.start_with(&[]).await;
    assert_eq!((started.status, started.text("status").as_str()), (201, "pending"));
    assert_eq!(started.body["valid"], json!(false));
    assert_eq!(started.body["send_code_attempts"][0]["channel"], json!("SMS"));
    let sid = started.text("sid");
    assert_eq!(twilio.fetch(&sid).await.status, 200);
    let code = twilio.code().await;
    assert_eq!(code.len(), 6);

    let checked = twilio.check_code(&code).await;
    assert_eq!((checked.status, checked.text("status").as_str()), (201, "approved"));
    assert_eq!((checked.body["valid"].clone(), checked.text("sid")), (json!(true), sid.clone()));

    // Twilio forgets it, and knows only that something was converted.
    assert_eq!(twilio.fetch(&sid).await.error(), (404, 20404));
    let again = twilio.check_code(&code).await;
    assert_eq!(again.error(), (404, 20404));
    let words = format!("The requested resource /Services/{SERVICE}/VerificationCheck was not found");
    assert_eq!(again.text("message"), words);
    let listed = twilio.v2(Method::GET, "/Attempts", &[("VerificationSid", &sid)]).await;
    assert_eq!(listed.body["attempts"][0]["conversion_status"], json!("converted"));
}

#[tokio::test]
async fn a_wrong_code_is_an_answer_and_the_sixth_an_error() {
    let twilio = Twilio::start().await;
    let sid = twilio.start_with(&[]).await.text("sid");
    let wrong = twilio.wrong_code().await;
    for _ in 0..5 {
        let answer = twilio.check_code(&wrong).await;
        assert_eq!((answer.status, answer.text("status").as_str()), (201, "pending"));
        assert_eq!(answer.body["valid"], json!(false));
    }
    let right = twilio.code().await;
    assert_eq!(twilio.check_code(&right).await.error(), (429, 60202), "the right code comes too late");
    assert_eq!(twilio.fetch(&sid).await.text("status"), "max_attempts_reached");
    assert_eq!(twilio.start_with(&[]).await.text("sid"), sid, "another start continues it");
    assert_eq!(twilio.check_code(&right).await.error(), (429, 60202));
    twilio.pass(LIFETIME_MS).await;
    assert_eq!(twilio.check_code(&right).await.error(), (404, 20404));
    assert_ne!(twilio.start_with(&[]).await.text("sid"), sid);
}

#[tokio::test]
async fn the_same_code_is_sent_five_times() {
    let twilio = Twilio::start().await;
    let first = twilio.start_with(&[]).await.text("sid");
    let code = twilio.code().await;
    for channel in ["call", "whatsapp", "sms", "sms"] {
        let answer = twilio.start_with(&[("Channel", channel)]).await;
        assert_eq!((answer.status, answer.text("sid"), answer.text("channel").as_str()), (201, first.clone(), channel));
    }
    assert_eq!(twilio.code().await, code);
    assert_eq!(twilio.start_with(&[]).await.error(), (429, 60203));
    // Taking it back makes room for another; so does time.
    let path = format!("/Services/{SERVICE}/Verifications/{first}");
    let cancelled = twilio.v2(Method::POST, &path, &[("Status", "canceled")]).await;
    assert_eq!((cancelled.status, cancelled.text("status").as_str()), (200, "canceled"));
    assert_eq!(twilio.fetch(&first).await.text("status"), "canceled");
    assert_eq!(twilio.check_code(&code).await.error(), (404, 20404));
    let second = twilio.start_with(&[]).await.text("sid");
    assert_ne!(second, first);
    twilio.pass(LIFETIME_MS).await;
    assert_eq!(twilio.fetch(&second).await.error(), (404, 20404));
    let summary = twilio.v2(Method::GET, "/Attempts/Summary", &[]).await;
    assert_eq!((summary.body["total_attempts"].clone(), summary.body["total_converted"].clone()), (json!(6), json!(0)));
}

#[tokio::test]
async fn a_code_ends_after_ten_minutes() {
    let twilio = Twilio::start().await;
    twilio.start_with(&[]).await;
    let code = twilio.code().await;
    twilio.pass(LIFETIME_MS - 60_000).await;
    assert_eq!(twilio.check_code(&twilio.wrong_code().await).await.status, 201);
    twilio.pass(60_000).await;
    assert_eq!(twilio.check_code(&code).await.error(), (404, 20404));
}

#[tokio::test]
async fn what_cannot_be_started_or_checked() {
    let twilio = Twilio::start().await;
    let tags = format!("{{{}}}", (0..11).map(|index| format!("\"t{index}\":\"\"")).collect::<Vec<_>>().join(","));
    for (more, error) in [
        (("To", ""), (400, 20001)),
        (("Channel", ""), (400, 20001)),
        (("To", "2125550123"), (400, 60200)),
        (("To", "+1212555"), (400, 60200)),
        (("Channel", "auto"), (400, 60200)),
        (("Channel", "voice"), (400, 60200)),
        (("Channel", "sna"), (400, 60001)),
        (("RiskCheck", "off"), (400, 60200)),
        (("CustomCode", "123"), (400, 60200)),
        (("Locale", "english"), (400, 60200)),
        (("DeviceIp", "300.1.1.1"), (400, 60200)),
        (("Tags", tags.as_str()), (400, 60200)),
        (("RateLimits", "{\"unknown\":\"1\"}"), (400, 60200)),
        (("RateLimits", "no map"), (400, 60200)),
    ] {
        let answer = twilio.start_with(&[more]).await;
        assert_eq!(answer.error(), error, "{more:?}: {:?}", answer.body);
    }
    assert_eq!(twilio.start_with(&[("To", "+1212555")]).await.text("message"), "Invalid parameter `To`: +1212555");
    let mail = [("To", "a@example.com"), ("Channel", "email")];
    assert_eq!(twilio.start_with(&mail).await.error(), (400, 60217));
    twilio.control("verify", json!({"mailer": true, "disabled_channels": ["whatsapp"]})).await;
    assert_eq!(twilio.start_with(&mail).await.status, 201);
    assert_eq!(twilio.start_with(&[("Channel", "whatsapp")]).await.error(), (400, 60223));

    let path = format!("/Services/{SERVICE}/VerificationCheck");
    for (form, error) in [
        (vec![("To", TO)], (400, 60200)),
        (vec![("Code", "123456")], (400, 60200)),
        (vec![("To", TO), ("Code", "123")], (400, 60200)),
        (vec![("To", TO), ("Code", "123456")], (404, 20404)),
    ] {
        assert_eq!(twilio.v2(Method::POST, &path, &form).await.error(), error, "{form:?}");
    }
    let elsewhere = "/Services/VAbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb/Verifications";
    assert_eq!(twilio.v2(Method::POST, elsewhere, &[("To", TO), ("Channel", "sms")]).await.error(), (404, 20404));
}

#[tokio::test]
async fn countries_and_prefixes_are_blocked() {
    let twilio = Twilio::start().await;
    let senegal = [("To", "+221771234567")];
    let orders = json!({"geo_blocked": ["SN"], "fraud_guard": [{"prefix": "+23480", "for_s": 3600}]});
    twilio.control("verify", orders).await;
    let refused = twilio.start_with(&senegal).await;
    assert_eq!(refused.error(), (403, 60605));
    assert!(refused.text("message").contains("SN is blocked for sms channel"), "{:?}", refused.body);
    assert_eq!(twilio.start_with(&[senegal[0], ("Channel", "call")]).await.error(), (403, 60605));
    assert_eq!(twilio.start_with(&[senegal[0], ("RiskCheck", "disable")]).await.status, 201);

    let nigeria = [("To", "+2348012345678")];
    assert_eq!(twilio.start_with(&nigeria).await.error(), (403, 60410));
    assert_eq!(twilio.start_with(&[nigeria[0], ("Channel", "call")]).await.status, 201, "Fraud Guard is SMS only");
    let safe = twilio.v2(Method::POST, "/SafeList/Numbers", &[("PhoneNumber", "+2348011111111")]).await;
    assert_eq!(safe.status, 201);
    assert_eq!(twilio.start_with(&[("To", "+2348011111111")]).await.status, 201);
    assert_eq!(twilio.v2(Method::DELETE, "/SafeList/Numbers/+2348011111111", &[]).await.status, 204);
    assert_eq!(twilio.v2(Method::GET, "/SafeList/Numbers/%2B2348011111111", &[]).await.error(), (404, 20404));
    twilio.pass(3_600_000).await;
    assert_eq!(twilio.start_with(&nigeria).await.status, 201);
}

#[tokio::test]
async fn limits_of_the_service_say_their_name_and_when_to_come_back() {
    let twilio = Twilio::start().await;
    let limits = format!("/Services/{SERVICE}/RateLimits");
    let limit = twilio.v2(Method::POST, &limits, &[("UniqueName", "prefix")]).await.text("sid");
    assert_eq!(twilio.v2(Method::POST, &limits, &[("UniqueName", "prefix")]).await.error(), (400, 60208));
    assert_eq!(twilio.v2(Method::POST, &limits, &[("UniqueName", "a b")]).await.error(), (400, 60209));
    let buckets = format!("{limits}/{limit}/Buckets");
    let bucket = [("Max", "2"), ("Interval", "60")];
    assert_eq!(twilio.v2(Method::POST, &buckets, &bucket).await.status, 201);
    assert_eq!(twilio.v2(Method::POST, &buckets, &bucket).await.error(), (400, 60211));

    let one = [("RateLimits", "{\"prefix\":\"+1212\"}")];
    for _ in 0..2 {
        assert_eq!(twilio.start_with(&one).await.status, 201);
    }
    let path = format!("/v2/Services/{SERVICE}/Verifications");
    let form = [("To", "+12125550199"), ("Channel", "sms"), one[0]];
    let response = twilio.request_as(ACCOUNT, TOKEN, Method::POST, &path).form(&form).send().await.expect("an answer");
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    assert_eq!(header("twilio-reached-rate-limit").as_deref(), Some("prefix"));
    let retry_after_s: u32 = header("retry-after").expect("a time").parse().expect("a number");
    assert!((1..=60).contains(&retry_after_s), "{retry_after_s}");
    assert_eq!(read(Ok(response)).await.error(), (429, 20429));
    assert_eq!(twilio.start_with(&[("RateLimits", "{\"prefix\":\"+1415\"}")]).await.status, 201, "another value");
    twilio.pass(60_000).await;
    assert_eq!(twilio.start_with(&one).await.status, 201);
    assert_eq!(twilio.v2(Method::DELETE, &format!("{limits}/{limit}"), &[]).await.status, 204);
    assert_eq!(twilio.v2(Method::GET, &limits, &[]).await.body["rate_limits"], json!([]));
}

#[tokio::test]
async fn a_verification_may_be_read_sixty_times_a_minute() {
    let twilio = Twilio::start().await;
    let sid = twilio.start_with(&[]).await.text("sid");
    for _ in 0..60 {
        assert_eq!(twilio.fetch(&sid).await.status, 200);
    }
    assert_eq!(twilio.fetch(&sid).await.error(), (429, 20429));
    twilio.pass(60_000).await;
    assert_eq!(twilio.fetch(&sid).await.status, 200);
}

#[tokio::test]
async fn attempts_are_listed_filtered_and_counted() {
    let twilio = Twilio::start().await;
    twilio.control("verify", json!({"attempts_lag_ms": 30_000})).await;
    twilio.start_with(&[]).await;
    twilio.check_code(&twilio.code().await).await;
    twilio.start_with(&[("To", "+221771234567"), ("Channel", "call")]).await;
    twilio.start_with(&[("To", "+221771234568")]).await;
    let list = async |filter: &[(&str, &str)]| {
        let answer = twilio.v2(Method::GET, "/Attempts", filter).await;
        answer.body["attempts"].as_array().expect("a list").len()
    };
    assert_eq!(list(&[]).await, 0, "they appear later");
    twilio.pass(30_000).await;
    assert_eq!(list(&[]).await, 3);
    for (filter, count) in [
        (("Status", "converted"), 1),
        (("Status", "unconverted"), 2),
        (("Country", "SN"), 2),
        (("Channel", "call"), 1),
        (("ChannelData.To", TO), 1),
        (("VerifyServiceSid", SERVICE), 3),
        (("VerifyServiceSid", "VAbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"), 0),
        (("DateCreatedAfter", "2020-01-01T00:00:00Z"), 3),
        (("DateCreatedBefore", "2020-01-01T00:00:00Z"), 0),
    ] {
        assert_eq!(list(&[filter]).await, count, "{filter:?}");
    }
    assert_eq!(twilio.v2(Method::GET, "/Attempts", &[("Status", "maybe")]).await.error(), (400, 60200));
    let first = twilio.v2(Method::GET, "/Attempts", &[("PageSize", "2")]).await;
    let next = first.body["meta"]["next_page_url"].as_str().expect("there is another page").to_owned();
    assert!(next.starts_with(&twilio.base_url), "{next}");
    let second = read(twilio.client.get(next).basic_auth(ACCOUNT, Some(TOKEN)).send().await).await;
    assert_eq!(second.body["attempts"].as_array().map(Vec::len), Some(1));
    assert_eq!(second.body["meta"]["next_page_url"], Value::Null);
    let one = second.body["attempts"][0].clone();
    let path = format!("/Attempts/{}", one["sid"].as_str().expect("a text"));
    assert_eq!(twilio.v2(Method::GET, &path, &[]).await.body, one);

    let summary = twilio.v2(Method::GET, "/Attempts/Summary", &[]).await;
    assert_eq!(summary.body["conversion_rate_percentage"], json!("33.333333333"));
    let senegal = twilio.v2(Method::GET, "/Attempts/Summary", &[("DestinationPrefix", "+22177")]).await;
    assert_eq!(senegal.body["total_unconverted"], json!(2));
}

#[tokio::test]
async fn the_restricted_key_sends_and_compares_and_changes_no_setting() {
    let twilio = Twilio::start().await;
    let key = (API_KEY, API_SECRET);
    let path = |rest: &str| format!("/Services/{SERVICE}{rest}");
    let form = [("To", TO), ("Channel", "sms")];
    let started = twilio.v2_as(key, Method::POST, &path("/Verifications"), &form).await;
    assert_eq!(started.status, 201);
    let sid = started.text("sid");
    let code = twilio.code().await;
    let check = [("To", TO), ("Code", code.as_str())];
    assert_eq!(twilio.v2_as(key, Method::GET, &path(&format!("/Verifications/{sid}")), &[]).await.status, 200);
    assert_eq!(twilio.v2_as(key, Method::POST, &path("/VerificationCheck"), &check).await.status, 201);
    for readable in ["/Attempts", "/Attempts/Summary"] {
        assert_eq!(twilio.v2_as(key, Method::GET, readable, &[]).await.status, 200, "{readable}");
    }
    for (method, setting) in [
        (Method::POST, "/Services".to_owned()),
        (Method::GET, path("")),
        (Method::DELETE, path("")),
        (Method::POST, path("/RateLimits")),
        (Method::POST, "/SafeList/Numbers".to_owned()),
    ] {
        assert_eq!(twilio.v2_as(key, method, &setting, &[]).await.error(), (403, 403), "{setting}");
    }
    assert_eq!(twilio.v2_as((API_KEY, TOKEN), Method::GET, "/Attempts", &[]).await.error(), (401, 20003));
}

#[tokio::test]
async fn services_belong_to_accounts() {
    let twilio = Twilio::start().await;
    let made = twilio.v2(Method::POST, "/Services", &[("FriendlyName", "Passcodes"), ("CodeLength", "4")]).await;
    assert_eq!((made.status, made.body["code_length"].clone()), (201, json!(4)));
    let own = made.text("sid");
    let form = [("To", TO), ("Channel", "sms"), ("CustomCode", "abcdef")];
    twilio.v2(Method::POST, &format!("/Services/{own}/Verifications"), &form).await;
    assert_eq!(twilio.code().await.len(), 4, "a custom code needs the service's leave");
    let update = [("CustomCodeEnabled", "true"), ("SkipSmsToLandlines", "true"), ("LookupEnabled", "true")];
    assert_eq!(twilio.v2(Method::POST, &format!("/Services/{own}"), &update).await.status, 200);
    twilio.control("lookup", json!({"phones": [{"phone_number": "+14155550101", "line_type": "landline"}]})).await;
    let landline = [("To", "+14155550101"), ("Channel", "sms")];
    let path = format!("/Services/{own}/Verifications");
    assert_eq!(twilio.v2(Method::POST, &path, &landline).await.error(), (403, 60205));
    let other = [("To", "+14155550102"), ("Channel", "sms"), ("CustomCode", "abcdef")];
    let started = twilio.v2(Method::POST, &path, &other).await;
    assert_eq!(started.body["lookup"]["carrier"]["type"], json!("mobile"));
    assert_eq!(twilio.code().await, "abcdef");
    for name in ["", "Passcodes of 2026 and 2027", &"x".repeat(33)] {
        assert_eq!(twilio.v2(Method::POST, "/Services", &[("FriendlyName", name)]).await.status, 400, "{name}");
    }

    let path = "/2010-04-01/Accounts.json";
    let sub = read(twilio.request_as(ACCOUNT, TOKEN, Method::POST, path).form(&[("FriendlyName", "s")]).send().await);
    let sub = sub.await;
    let (sid, token) = (sub.text("sid"), sub.text("auth_token"));
    let theirs = twilio.v2_as((&sid, &token), Method::GET, "/Services", &[]).await;
    assert_eq!(theirs.body["services"], json!([]));
    let path = format!("/Services/{own}");
    assert_eq!(twilio.v2_as((&sid, &token), Method::GET, &path, &[]).await.error(), (404, 20404));
    assert_eq!(twilio.v2(Method::DELETE, &path, &[]).await.status, 204);
    assert_eq!(twilio.v2(Method::GET, &path, &[]).await.error(), (404, 20404));
}

#[tokio::test]
async fn faults_meet_verify_and_lookup_too() {
    let twilio = Twilio::start().await;
    twilio
        .control(
            "faults",
            json!({"queue": [
                {"on": "check_verification", "fault": {"kind": "commit_then_timeout", "then": "drop"}},
                {"on": "start_verification", "fault": {"kind": "status", "status": 429, "code": 60212, "retry_after_s": 2}},
                {"on": "lookup", "phone_number": TO, "fault": {"kind": "status", "status": 503, "code": 20503}},
            ]}),
        )
        .await;
    assert_eq!(twilio.start_with(&[]).await.error(), (429, 60212));
    let sid = twilio.start_with(&[]).await.text("sid");
    let code = twilio.code().await;
    let form = [("To", TO), ("Code", code.as_str())];
    let path = format!("/v2/Services/{SERVICE}/VerificationCheck");
    twilio.request_as(ACCOUNT, TOKEN, Method::POST, &path).form(&form).send().await.expect_err("no answer");
    assert_eq!(twilio.fetch(&sid).await.error(), (404, 20404), "it was approved");
    let converted = twilio.v2(Method::GET, "/Attempts", &[("VerificationSid", &sid), ("Status", "converted")]).await;
    assert_eq!(converted.body["attempts"].as_array().map(Vec::len), Some(1));
    let lookup = format!("/PhoneNumbers/{TO}");
    assert_eq!(twilio.v2(Method::GET, &lookup, &[]).await.error(), (503, 20503));
    assert_eq!(twilio.v2(Method::GET, &lookup, &[]).await.status, 200);
}
