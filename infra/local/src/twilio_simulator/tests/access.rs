//! Who may do what.

use reqwest::Method;
use serde_json::json;

use super::{ACCOUNT, API_KEY, API_SECRET, Answer, TOKEN, Twilio, read};

impl Twilio {
    async fn ask(&self, who: (&str, &str), method: Method, path: &str, form: &[(&str, &str)]) -> Answer {
        let request = self.request_as(who.0, who.1, method.clone(), &format!("/2010-04-01{path}"));
        read(if method == Method::POST { request.form(form) } else { request }.send().await).await
    }
}

#[tokio::test]
async fn wrong_credentials_are_refused() {
    let twilio = Twilio::start().await;
    let path = format!("/Accounts/{ACCOUNT}/IncomingPhoneNumbers.json");
    for who in [(ACCOUNT, "wrong"), (API_KEY, TOKEN), ("ACunknown", TOKEN), ("", "")] {
        assert_eq!(twilio.ask(who, Method::GET, &path, &[]).await.error(), (401, 20003), "{who:?}");
    }
    let url = format!("{}/2010-04-01{path}", twilio.base_url);
    let bare = twilio.client.get(&url).send().await.expect("an answer");
    assert!(bare.headers().contains_key("www-authenticate"));
    assert_eq!(read(Ok(bare)).await.error(), (401, 20003));
    let bearer = twilio.client.get(&url).bearer_auth("token").send().await;
    assert_eq!(read(bearer).await.error(), (401, 20003));
}

#[tokio::test]
async fn the_restricted_key_searches_and_nothing_else() {
    let twilio = Twilio::start().await;
    let key = (API_KEY, API_SECRET);
    let sid = twilio.buy("+12125550123", "pur_1").await.text("sid");
    let number = format!("/Accounts/{ACCOUNT}/IncomingPhoneNumbers/{sid}.json");
    let numbers = format!("/Accounts/{ACCOUNT}/IncomingPhoneNumbers.json");

    let for_sale = format!("/Accounts/{ACCOUNT}/AvailablePhoneNumbers");
    for path in [format!("{for_sale}.json"), format!("{for_sale}/US.json"), format!("{for_sale}/US/Local.json")] {
        assert_eq!(twilio.ask(key, Method::GET, &path, &[]).await.status, 200, "{path}");
    }
    for path in [&number, &numbers, &format!("/Accounts/{ACCOUNT}/Balance.json")] {
        assert_eq!(twilio.ask(key, Method::GET, path, &[]).await.error(), (403, 403), "{path}");
    }
    let form = [("PhoneNumber", "+12125550124")];
    for path in [numbers.as_str(), &format!("/Accounts/{ACCOUNT}/IncomingPhoneNumbers/Local.json"), &number] {
        assert_eq!(twilio.ask(key, Method::POST, path, &form).await.error(), (403, 403), "{path}");
    }
    assert_eq!(twilio.ask(key, Method::DELETE, &number, &[]).await.error(), (403, 403));
    assert_eq!(twilio.ask(key, Method::POST, "/Accounts.json", &[]).await.error(), (401, 20003));
    assert_eq!(twilio.ask(key, Method::GET, "/Accounts.json", &[]).await.error(), (401, 20003));
    let state = twilio.state().await;
    assert_eq!(state["charges"], json!({"+12125550123": 1}));
    assert_eq!(state["create_requests"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn the_account_acts_for_its_sub_accounts_and_they_only_for_themselves() {
    let twilio = Twilio::start().await;
    let parent = (ACCOUNT, TOKEN);
    let mut opened = Vec::new();
    for name in ["one", "two"] {
        let answer = twilio.ask(parent, Method::POST, "/Accounts.json", &[("FriendlyName", name)]).await;
        assert_eq!((answer.status, answer.text("owner_account_sid").as_str()), (201, ACCOUNT));
        opened.push((answer.text("sid"), answer.text("auth_token")));
    }
    let (one, one_token) = &opened[0];
    let (two, _) = &opened[1];
    let numbers_of = |account: &str| format!("/Accounts/{account}/IncomingPhoneNumbers.json");
    let as_one = (one.as_str(), one_token.as_str());

    let bought = twilio.ask(parent, Method::POST, &numbers_of(one), &[("PhoneNumber", "+12125550123")]).await;
    assert_eq!((bought.status, bought.text("account_sid")), (201, one.clone()));
    assert_eq!(twilio.list(&[]).await.phone_numbers(), [""; 0], "the parent owns none");
    assert_eq!(twilio.ask(as_one, Method::GET, &numbers_of(one), &[]).await.phone_numbers(), ["+12125550123"]);
    for elsewhere in [ACCOUNT, two] {
        assert_eq!(twilio.ask(as_one, Method::GET, &numbers_of(elsewhere), &[]).await.error(), (401, 20003));
    }
    assert_eq!(twilio.ask(as_one, Method::GET, "/Accounts.json", &[]).await.error(), (401, 20003));
    assert_eq!(twilio.ask(parent, Method::GET, &numbers_of("ACunknown"), &[]).await.error(), (404, 20404));

    let by_name = twilio.ask(parent, Method::GET, "/Accounts.json?FriendlyName=two", &[]).await;
    assert_eq!(by_name.body["accounts"].as_array().map(Vec::len), Some(1));
    assert_eq!(by_name.body["accounts"][0]["sid"], json!(two));

    // A transfer needs the parent.
    let sid = bought.text("sid");
    let number = format!("/Accounts/{one}/IncomingPhoneNumbers/{sid}.json");
    let to_two = [("AccountSid", two.as_str())];
    assert_eq!(twilio.ask(as_one, Method::POST, &number, &to_two).await.error(), (400, 21474));
    assert_eq!(twilio.ask(parent, Method::POST, &number, &to_two).await.text("account_sid"), *two);
}

#[tokio::test]
async fn suspended_accounts_buy_nothing_and_closed_ones_lose_their_numbers() {
    let twilio = Twilio::start().await;
    let parent = (ACCOUNT, TOKEN);
    let sub_account = twilio.ask(parent, Method::POST, "/Accounts.json", &[]).await.text("sid");
    let account = format!("/Accounts/{sub_account}.json");
    let numbers = format!("/Accounts/{sub_account}/IncomingPhoneNumbers.json");
    let form = [("PhoneNumber", "+12125550123")];
    assert_eq!(twilio.ask(parent, Method::POST, &numbers, &form).await.status, 201);

    let status = async |status: &str| twilio.ask(parent, Method::POST, &account, &[("Status", status)]).await;
    assert_eq!(status("asleep").await.error(), (400, 21475));
    assert_eq!(status("suspended").await.text("status"), "suspended");
    assert_eq!(twilio.ask(parent, Method::POST, &numbers, &form).await.error(), (403, 20005));
    assert_eq!(twilio.ask(parent, Method::GET, &numbers, &[]).await.phone_numbers(), ["+12125550123"]);
    assert_eq!(status("active").await.text("status"), "active");
    assert_eq!(status("closed").await.text("status"), "closed");
    assert_eq!(twilio.state().await["released"], json!(["+12125550123"]));
    assert_eq!(status("active").await.error(), (400, 21479));
    let own = format!("/Accounts/{ACCOUNT}.json");
    assert_eq!(twilio.ask(parent, Method::POST, &own, &[("Status", "closed")]).await.error(), (400, 21477));
}
