//! Every address and every error that the simulator has, asked for once.

use serde_json::{Value, json};

use crate::simulator::{ACCOUNT, API_KEY, API_SECRET, SERVICE, Simulator, TOKEN};

const PARENT: (&str, &str) = (ACCOUNT, TOKEN);
const TO: &str = "+12125550177";
const NUMBERS: &str = "/2010-04-01/Accounts/ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/IncomingPhoneNumbers";
const FOR_SALE: &str = "/2010-04-01/Accounts/ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/AvailablePhoneNumbers";

impl Simulator {
    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Value {
        self.call(PARENT, "GET", path, query).await.1
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Value {
        self.call(PARENT, "POST", path, form).await.1
    }

    async fn delete(&self, path: &str) {
        self.call(PARENT, "DELETE", path, &[]).await;
    }

    async fn start_one(&self, to: &str, more: &[(&str, &str)]) -> Value {
        let mut form = vec![("To", to), ("Channel", "sms")];
        form.extend(more);
        self.post(&format!("/v2/Services/{SERVICE}/Verifications"), &form).await
    }
}

fn sid(body: &Value) -> String {
    body["sid"].as_str().unwrap_or_else(|| panic!("no sid in {body}")).to_owned()
}

/// Asks for everything.
pub(crate) async fn ask_for_everything(simulator: &Simulator) {
    accounts(simulator).await;
    numbers(simulator).await;
    for_sale(simulator).await;
    lookups(simulator).await;
    services(simulator).await;
    verifications(simulator).await;
    refusals(simulator).await;
}

async fn accounts(simulator: &Simulator) {
    let all = "/2010-04-01/Accounts.json";
    let sub = sid(&simulator.post(all, &[("FriendlyName", "sub")]).await);
    let own = format!("/2010-04-01/Accounts/{sub}.json");
    simulator.get(all, &[("PageSize", "1")]).await;
    simulator.get(&own, &[]).await;
    simulator.get(&format!("/2010-04-01/Accounts/{ACCOUNT}/Balance.json"), &[]).await;
    simulator.post(&own, &[("Status", "asleep")]).await;
    simulator.post(&own, &[("Status", "suspended")]).await;
    let numbers = format!("/2010-04-01/Accounts/{sub}/IncomingPhoneNumbers.json");
    simulator.post(&numbers, &[("PhoneNumber", "+12125550101")]).await;
    simulator.post(&own, &[("Status", "closed")]).await;
    simulator.post(&own, &[("Status", "active")]).await;
    simulator.post(&format!("/2010-04-01/Accounts/{ACCOUNT}.json"), &[("Status", "closed")]).await;
    simulator.get(&format!("/2010-04-01/Accounts/{ACCOUNT}/Unknown.json"), &[]).await;
    simulator.delete(all).await;
    simulator.call((API_KEY, API_SECRET), "GET", all, &[]).await;
    simulator.call((API_KEY, API_SECRET), "GET", &format!("{NUMBERS}.json"), &[]).await;
}

async fn numbers(simulator: &Simulator) {
    let list = format!("{NUMBERS}.json");
    let one = sid(&simulator.post(&list, &[("PhoneNumber", "+12125550111"), ("FriendlyName", "pur_1")]).await);
    simulator.post(&list, &[("AreaCode", "415")]).await;
    simulator.post(&format!("{NUMBERS}/Local.json"), &[("PhoneNumber", "+12125550112")]).await;
    simulator.post(&format!("{NUMBERS}/TollFree.json"), &[("PhoneNumber", "+18005550112")]).await;
    let bundle = ("BundleSid", "BUaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    simulator.post(&format!("{NUMBERS}/Mobile.json"), &[("PhoneNumber", "+447700900123"), bundle]).await;
    for kind in ["", "/Local", "/TollFree", "/Mobile"] {
        simulator.get(&format!("{NUMBERS}{kind}.json"), &[("PageSize", "1")]).await;
        simulator.get(&format!("{NUMBERS}{kind}.json"), &[("FriendlyName", "nobody's")]).await;
    }
    let path = format!("{NUMBERS}/{one}.json");
    simulator.get(&path, &[]).await;
    simulator.post(&path, &[("FriendlyName", "pur_2"), ("VoiceUrl", "https://example.com/voice")]).await;
    for (path, form) in [
        (list.as_str(), vec![]),
        (&list, vec![("PhoneNumber", "+1212555")]),
        (&list, vec![("PhoneNumber", "+15005550000")]),
        (&list, vec![("AreaCode", "12")]),
        (&list, vec![("AreaCode", "533")]),
        (&list, vec![("PhoneNumber", "+442079460123")]),
        (&list, vec![("PhoneNumber", "+447700900124")]),
        (&format!("{NUMBERS}/Local.json"), vec![("AreaCode", "212")]),
        (&format!("{NUMBERS}/Local.json"), vec![("PhoneNumber", "+18005550113")]),
    ] {
        simulator.post(path, &form).await;
    }
    let made = simulator.post("/2010-04-01/Accounts.json", &[("FriendlyName", "buyer")]).await;
    let (buyer, token) = (sid(&made), made["auth_token"].as_str().expect("a token").to_owned());
    let theirs = format!("/2010-04-01/Accounts/{buyer}/IncomingPhoneNumbers");
    let bought = simulator.post(&format!("{theirs}.json"), &[("PhoneNumber", "+12125550114")]).await;
    let theirs = format!("{theirs}/{}.json", sid(&bought));
    simulator.call((&buyer, &token), "POST", &theirs, &[("AccountSid", ACCOUNT)]).await;
    simulator.delete(&path).await;
    simulator.delete(&path).await;
}

async fn for_sale(simulator: &Simulator) {
    simulator.get(&format!("{FOR_SALE}.json"), &[]).await;
    simulator.get(&format!("{FOR_SALE}/US.json"), &[]).await;
    for path in ["US/Local", "US/TollFree", "CA/Local", "PR/Local", "GB/Local", "GB/Mobile"] {
        simulator.get(&format!("{FOR_SALE}/{path}.json"), &[("PageSize", "3")]).await;
    }
    simulator.get(&format!("{FOR_SALE}/US/Local.json"), &[("AreaCode", "808")]).await;
    simulator.get(&format!("{FOR_SALE}/US/Local.json"), &[("Contains", "999999")]).await;
    simulator.get(&format!("{FOR_SALE}/US/Mobile.json"), &[]).await;
}

async fn lookups(simulator: &Simulator) {
    let owner = json!({"first_name": "Robert", "last_name": "Smith"});
    let phones = json!([
        {"phone_number": "+12125550123", "owner": owner, "caller_name": "ROBERT SMITH"},
        {"phone_number": "+22177*", "sms_pumping_risk_score": 95, "number_blocked": true, "line_type": "fixedVoip"},
    ]);
    simulator.control("lookup", json!({ "phones": phones })).await;
    let all = "caller_name,sim_swap,call_forwarding,line_status,line_type_intelligence,identity_match,\
               reassigned_number,sms_pumping_risk,phone_number_quality_score,pre_fill";
    for number in ["+12125550123", "+14165550123", "+221771234567", "+447700900123", "+141599299600", "+99912345678"] {
        let path = format!("/v2/PhoneNumbers/{number}");
        simulator.get(&path, &[]).await;
        simulator.get(&path, &[("Fields", "line_type_intelligence,line_status")]).await;
        simulator.get(&path, &[("Fields", all), ("FirstName", "Bob"), ("LastName", "Smith")]).await;
        simulator.get(&path, &[("Fields", "identity_match")]).await;
    }
    simulator.get("/v2/PhoneNumbers/+12125550123", &[("Fields", "carrier")]).await;
}

async fn services(simulator: &Simulator) {
    let made = sid(&simulator.post("/v2/Services", &[("FriendlyName", "Passcodes"), ("CodeLength", "4")]).await);
    let path = format!("/v2/Services/{made}");
    simulator.get("/v2/Services", &[("PageSize", "1")]).await;
    simulator.get(&path, &[]).await;
    simulator.post(&path, &[("LookupEnabled", "true"), ("SkipSmsToLandlines", "true")]).await;
    simulator.post("/v2/Services", &[]).await;
    simulator.control("lookup", json!({"phones": [{"phone_number": "+14155550101", "line_type": "landline"}]})).await;
    let starts = format!("{path}/Verifications");
    simulator.post(&starts, &[("To", "+14155550101"), ("Channel", "sms")]).await;
    simulator.post(&starts, &[("To", TO), ("Channel", "sms")]).await;

    let limits = format!("{path}/RateLimits");
    let limit = sid(&simulator.post(&limits, &[("UniqueName", "prefix"), ("Description", "ranges")]).await);
    simulator.post(&limits, &[("UniqueName", "prefix")]).await;
    simulator.post(&limits, &[("UniqueName", "a b")]).await;
    let limit = format!("{limits}/{limit}");
    simulator.get(&limits, &[]).await;
    simulator.get(&limit, &[]).await;
    simulator.post(&limit, &[("Description", "number ranges")]).await;
    let buckets = format!("{limit}/Buckets");
    let bucket = [("Max", "1"), ("Interval", "60")];
    let one = format!("{buckets}/{}", sid(&simulator.post(&buckets, &bucket).await));
    simulator.post(&buckets, &bucket).await;
    simulator.get(&buckets, &[]).await;
    simulator.get(&one, &[]).await;
    for _ in 0..2 {
        simulator.post(&starts, &[("To", TO), ("Channel", "sms"), ("RateLimits", "{\"prefix\":\"+1212\"}")]).await;
    }
    simulator.post(&one, &[("Max", "2")]).await;
    for gone in [&one, &limit, &path] {
        simulator.delete(gone).await;
    }
    simulator.get(&path, &[]).await;
}

async fn verifications(simulator: &Simulator) {
    let check = format!("/v2/Services/{SERVICE}/VerificationCheck");
    let first = sid(&simulator.start_one(TO, &[("Locale", "en"), ("Tags", "{\"a\":\"b\"}")]).await);
    for _ in 0..5 {
        simulator.start_one(TO, &[]).await;
    }
    let path = format!("/v2/Services/{SERVICE}/Verifications/{first}");
    simulator.get(&path, &[]).await;
    let code = simulator.code().await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for _ in 0..6 {
        simulator.post(&check, &[("To", TO), ("Code", wrong)]).await;
    }
    simulator.get(&path, &[]).await;
    simulator.post(&path, &[("Status", "canceled")]).await;
    simulator.post(&path, &[("Status", "done")]).await;

    let second = sid(&simulator.start_one(TO, &[]).await);
    let code = simulator.code().await;
    simulator.post(&check, &[("To", TO), ("Code", &code)]).await;
    simulator.post(&check, &[("To", TO), ("Code", &code)]).await;
    simulator.get(&format!("/v2/Services/{SERVICE}/Verifications/{second}"), &[]).await;
    let third = sid(&simulator.start_one(TO, &[]).await);
    let path = format!("/v2/Services/{SERVICE}/Verifications/{third}");
    simulator.post(&path, &[("Status", "approved")]).await;

    simulator.get("/v2/Attempts", &[("PageSize", "1")]).await;
    let listed = simulator.get("/v2/Attempts", &[("Status", "converted"), ("VerificationSid", &second)]).await;
    simulator.get(&format!("/v2/Attempts/{}", sid(&listed["attempts"][0])), &[]).await;
    simulator.get("/v2/Attempts/Summary", &[("Country", "US"), ("DateCreatedAfter", "2020-01-01T00:00:00Z")]).await;
    simulator.get("/v2/Attempts", &[("Status", "maybe")]).await;
}

async fn refusals(simulator: &Simulator) {
    let safe = "/v2/SafeList/Numbers";
    simulator.post(safe, &[("PhoneNumber", "+221771111111")]).await;
    simulator.get(&format!("{safe}/+221771111111"), &[]).await;
    simulator
        .control(
            "verify",
            json!({
                "geo_blocked": ["SN"],
                "fraud_guard": [{"prefix": "+23480"}],
                "disabled_channels": ["whatsapp"],
            }),
        )
        .await;
    for to in ["+221771111111", "+221772222222", "+2348012345678", "+1212555"] {
        simulator.start_one(to, &[]).await;
    }
    simulator.delete(&format!("{safe}/+221771111111")).await;
    let starts = format!("/v2/Services/{SERVICE}/Verifications");
    for (to, channel) in [(TO, "whatsapp"), (TO, "sna"), (TO, "auto"), ("a@example.com", "email")] {
        simulator.post(&starts, &[("To", to), ("Channel", channel)]).await;
    }
    simulator.pass(600_000).await;
    simulator.call((ACCOUNT, "wrong"), "GET", "/v2/Attempts", &[]).await;
    simulator.call((API_KEY, API_SECRET), "POST", "/v2/Services", &[("FriendlyName", "Mine")]).await;
}
