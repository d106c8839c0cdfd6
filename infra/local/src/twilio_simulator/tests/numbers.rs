//! Buying, listing, changing and giving back.

use reqwest::Method;
use serde_json::json;

use super::{ACCOUNT, Answer, TOKEN, Twilio, read};

#[tokio::test]
async fn magic_numbers() {
    let twilio = Twilio::start().await;
    let error = async |form: &[(&str, &str)]| twilio.post("/IncomingPhoneNumbers.json", form).await.error();
    assert_eq!(error(&[("PhoneNumber", "+15005550000")]).await, (400, 21422));
    assert_eq!(error(&[("PhoneNumber", "+15005550001")]).await, (400, 21421));
    assert_eq!(error(&[("PhoneNumber", "+15005550006")]).await, (201, 0));
    assert_eq!(error(&[("AreaCode", "533")]).await, (400, 21452));
    assert_eq!(error(&[("AreaCode", "500")]).await, (201, 0));
}

#[tokio::test]
async fn what_cannot_be_bought() {
    let twilio = Twilio::start().await;
    let long_name = "x".repeat(65);
    let in_gb = ("PhoneNumber", "+442079460123");
    for (path, form, error) in [
        ("", vec![], (400, 400)),
        ("", vec![("PhoneNumber", "+12125550123"), ("AreaCode", "212")], (400, 400)),
        ("", vec![("PhoneNumber", "+12125550123"), ("FriendlyName", long_name.as_str())], (400, 400)),
        ("", vec![("PhoneNumber", "2125550123")], (400, 21421)),
        ("", vec![("PhoneNumber", "+1212555012")], (400, 21421)),
        ("", vec![("PhoneNumber", "+11125550123")], (400, 21421)),
        ("", vec![("PhoneNumber", "+12121550123")], (400, 21421)),
        // An area code that nobody has, one of a country without numbers for sale, and a service code.
        ("", vec![("PhoneNumber", "+19995550123")], (400, 21422)),
        ("", vec![("PhoneNumber", "+18095550123")], (400, 21422)),
        ("", vec![("PhoneNumber", "+19115550123")], (400, 21422)),
        ("", vec![("AreaCode", "12")], (400, 21451)),
        ("", vec![("AreaCode", "112")], (400, 21451)),
        ("", vec![("AreaCode", "999")], (400, 21452)),
        ("/Local", vec![("AreaCode", "212")], (400, 21457)),
        ("/Local", vec![("PhoneNumber", "+18005550123")], (400, 21458)),
        ("/TollFree", vec![("PhoneNumber", "+12125550123")], (400, 21458)),
        ("/Mobile", vec![("PhoneNumber", "+12125550123")], (400, 21458)),
        ("", vec![in_gb], (400, 21631)),
        ("", vec![("PhoneNumber", "+447700900123")], (400, 21649)),
    ] {
        let answer = twilio.post(&format!("/IncomingPhoneNumbers{path}.json"), &form).await;
        assert_eq!(answer.error(), error, "{path} {form:?}: {:?}", answer.body);
    }
    assert_eq!(twilio.state().await["numbers"], json!([]));
    let address = ("AddressSid", "ADaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    assert_eq!(twilio.post("/IncomingPhoneNumbers.json", &[in_gb, address]).await.status, 201);
}

#[tokio::test]
async fn every_number_of_a_country_for_sale_can_be_bought_once() {
    let twilio = Twilio::start().await;
    for number in ["+12125550123", "+19893456789", "+14165550123", "+17875550123", "+13405550123", "+18765550123"] {
        assert_eq!(twilio.buy(number, "pur_1").await.status, 201, "{number}");
    }
    let toll_free = twilio.post("/IncomingPhoneNumbers/TollFree.json", &[("PhoneNumber", "+18335550123")]).await;
    assert_eq!(toll_free.status, 201);
    let fetched = twilio.get(&format!("/IncomingPhoneNumbers/{}.json", toll_free.text("sid"))).await;
    assert_eq!(fetched.text("type"), "toll-free");
    // Another account gets none of them.
    let sub_account = sub_account(&twilio).await;
    let path = format!("/2010-04-01/Accounts/{sub_account}/IncomingPhoneNumbers.json");
    let form = [("PhoneNumber", "+12125550123")];
    let answer = read(twilio.request_as(ACCOUNT, TOKEN, Method::POST, &path).form(&form).send().await).await;
    assert_eq!(answer.error(), (400, 21422));
}

/// Opens a sub-account and gives its SID.
async fn sub_account(twilio: &Twilio) -> String {
    let path = "/2010-04-01/Accounts.json";
    let form = [("FriendlyName", "sub")];
    read(twilio.request_as(ACCOUNT, TOKEN, Method::POST, path).form(&form).send().await).await.text("sid")
}

#[tokio::test]
async fn buying_an_own_number_updates_it_and_costs_nothing() {
    let twilio = Twilio::start().await;
    let first = twilio.buy("+12125550123", "pur_1").await;
    let second = twilio.buy("+12125550123", "pur_2").await;
    assert_eq!(second.status, 201);
    assert_eq!(second.text("sid"), first.text("sid"));
    assert_eq!(second.text("date_created"), first.text("date_created"));
    assert_eq!(second.text("friendly_name"), "pur_2");
    let state = twilio.state().await;
    assert_eq!(state["charges"], json!({"+12125550123": 1}));
    assert_eq!(state["create_requests"].as_array().map(Vec::len), Some(2));

    twilio.control("faults", json!({"repeat_create": "refuse"})).await;
    assert_eq!(twilio.buy("+12125550123", "pur_3").await.error(), (400, 21422));
    assert_eq!(twilio.list(&[("FriendlyName", "pur_2")]).await.phone_numbers(), ["+12125550123"]);
}

#[tokio::test]
async fn buying_by_area_code_is_a_new_number_each_time() {
    let twilio = Twilio::start().await;
    let form = [("AreaCode", "415"), ("FriendlyName", "pur_1")];
    let first = twilio.post("/IncomingPhoneNumbers.json", &form).await;
    let second = twilio.post("/IncomingPhoneNumbers.json", &form).await;
    assert_eq!((first.status, second.status), (201, 201));
    assert_ne!(first.text("phone_number"), second.text("phone_number"));
    assert!(first.text("phone_number").starts_with("+1415"));
}

#[tokio::test]
async fn an_area_code_sells_out() {
    let twilio = Twilio::start().await;
    for _ in 0..100 {
        assert_eq!(twilio.post("/IncomingPhoneNumbers.json", &[("AreaCode", "939")]).await.status, 201);
    }
    let answer = twilio.post("/IncomingPhoneNumbers.json", &[("AreaCode", "939")]).await;
    assert_eq!(answer.error(), (400, 21452));
    assert_eq!(twilio.get("/AvailablePhoneNumbers/PR/Local.json?AreaCode=939").await.phone_numbers(), [""; 0]);
}

#[tokio::test]
async fn lists_are_filtered_by_pattern_and_by_whole_name() {
    let twilio = Twilio::start().await;
    for (number, name) in [("+12125550123", "pur_1"), ("+12125550124", "pur_10"), ("+14155550123", "pur_2")] {
        assert_eq!(twilio.buy(number, name).await.status, 201);
    }
    let list = async |name: &str, value: &str| {
        let mut numbers = twilio.list(&[(name, value)]).await.phone_numbers();
        numbers.sort();
        numbers
    };
    assert_eq!(list("PhoneNumber", "+12125550123").await, ["+12125550123"]);
    assert_eq!(list("PhoneNumber", "+1212555").await, ["+12125550123", "+12125550124"]);
    assert_eq!(list("PhoneNumber", "0123").await, ["+12125550123", "+14155550123"]);
    assert_eq!(list("PhoneNumber", "+1***5550123").await, ["+12125550123", "+14155550123"]);
    assert_eq!(list("PhoneNumber", "+212").await, [""; 0]);
    assert_eq!(list("PhoneNumber", "+12125550125").await, [""; 0]);
    assert_eq!(list("FriendlyName", "pur_1").await, ["+12125550123"]);
    assert_eq!(list("FriendlyName", "pur").await, [""; 0]);
    let toll_free = twilio.get("/IncomingPhoneNumbers/TollFree.json").await;
    assert_eq!(toll_free.phone_numbers(), [""; 0]);
}

#[tokio::test]
async fn pages_follow_one_another_also_when_the_list_grows() {
    let twilio = Twilio::start().await;
    for line in 0..5 {
        twilio.buy(&format!("+1212555012{line}"), "mark & name").await;
    }
    let mut page = twilio.list(&[("FriendlyName", "mark & name"), ("PageSize", "2")]).await;
    let mut seen = page.phone_numbers();
    assert_eq!(page.body["page_size"], 2);
    assert_eq!(page.body["previous_page_uri"], json!(null));
    // Newest first: this one belongs before the first page.
    twilio.buy("+12125550129", "mark & name").await;
    while let Some(next) = page.body["next_page_uri"].as_str().map(str::to_owned) {
        page = read(twilio.request_as(ACCOUNT, TOKEN, Method::GET, &next).send().await).await;
        assert_eq!(page.status, 200, "{next}");
        assert_eq!(page.body["uri"], next);
        seen.extend(page.phone_numbers());
    }
    assert_eq!(seen, ["+12125550124", "+12125550123", "+12125550122", "+12125550121", "+12125550120"]);
    assert_eq!(page.body["page"], 2);
    assert_eq!(page.body["end"], 5);
    assert_eq!(twilio.list(&[("PageToken", "PAnonsense")]).await.status, 400);
    assert_eq!(twilio.list(&[("PageSize", "many")]).await.status, 400);
}

#[tokio::test]
async fn changing_and_giving_back() {
    let twilio = Twilio::start().await;
    let sid = twilio.buy("+12125550123", "pur_1").await.text("sid");
    let path = format!("/IncomingPhoneNumbers/{sid}.json");
    let changed = twilio.post(&path, &[("FriendlyName", "new"), ("VoiceUrl", "https://example.com/voice")]).await;
    assert_eq!(changed.status, 200);
    assert_eq!(
        (changed.text("friendly_name"), changed.text("voice_url")),
        ("new".into(), "https://example.com/voice".into())
    );

    assert_eq!(twilio.delete(&path).await, Answer { status: 204, body: json!(null) });
    assert_eq!(twilio.delete(&path).await.error(), (404, 20404));
    assert_eq!(twilio.get(&path).await.error(), (404, 20404));
    assert_eq!(twilio.post(&path, &[("FriendlyName", "new")]).await.error(), (404, 20404));
    let state = twilio.state().await;
    assert_eq!(state["released"], json!(["+12125550123"]));
    assert_eq!(state["numbers"], json!([]));

    // It is for sale again, and costs again.
    assert_eq!(twilio.buy("+12125550123", "pur_2").await.status, 201);
    assert_eq!(twilio.state().await["charges"], json!({"+12125550123": 2}));
}

#[tokio::test]
async fn numbers_that_others_have() {
    let twilio = Twilio::start().await;
    twilio.control("foreign", json!({"phone_number": "+12125550101"})).await;
    assert_eq!(twilio.buy("+12125550101", "pur_1").await.error(), (400, 21422));

    let by_hand =
        json!({"phone_number": "+12125550102", "account_sid": ACCOUNT, "friendly_name": "by hand", "age_s": 86400});
    twilio.control("foreign", by_hand).await;
    let listed = twilio.list(&[("PhoneNumber", "+12125550102")]).await;
    assert_eq!(listed.body["incoming_phone_numbers"][0]["friendly_name"], "by hand");
    let bought = twilio.buy("+12125550103", "pur_1").await;
    assert_ne!(listed.body["incoming_phone_numbers"][0]["date_created"], bought.body["date_created"]);
    assert_eq!(twilio.state().await["charges"], json!({"+12125550103": 1}));

    twilio.control("reset", json!(null)).await;
    assert_eq!(twilio.buy("+12125550101", "pur_1").await.status, 201);
}
