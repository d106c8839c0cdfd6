//! Searching the stock.

use super::{ACCOUNT, Twilio};

async fn search(twilio: &Twilio, path_and_query: &str) -> Vec<String> {
    let answer = twilio.get(&format!("/AvailablePhoneNumbers/{path_and_query}")).await;
    assert_eq!(answer.status, 200, "{path_and_query}: {:?}", answer.body);
    answer.phone_numbers()
}

#[tokio::test]
async fn finds_the_same_numbers_again_until_they_are_bought() {
    let twilio = Twilio::start().await;
    let found = search(&twilio, "US/Local.json?AreaCode=212").await;
    assert_eq!(found.len(), 20);
    assert!(found.iter().all(|number| number.starts_with("+121255501")), "{found:?}");
    assert_eq!(search(&twilio, "US/Local.json?AreaCode=212").await, found);
    assert_eq!(twilio.buy(&found[0], "pur_1").await.status, 201);
    assert_eq!(search(&twilio, "US/Local.json?AreaCode=212").await, found[1..]);
    assert_eq!(search(&Twilio::start().await, "US/Local.json?AreaCode=212").await, found);
}

#[tokio::test]
async fn every_listed_number_is_different_and_can_be_bought() {
    let twilio = Twilio::start().await;
    for path in
        ["US/Local.json", "US/TollFree.json", "CA/Local.json", "PR/Local.json", "VI/Local.json", "JM/Local.json"]
    {
        let mut found = search(&twilio, &format!("{path}?PageSize=1000")).await;
        let count = found.len();
        assert!(count >= 20, "{path}: {count}");
        assert_eq!(twilio.buy(&found[count - 1], "pur_1").await.status, 201, "{path}");
        found.sort();
        found.dedup();
        assert_eq!(found.len(), count, "{path}");
    }
}

#[tokio::test]
async fn puerto_rico_is_a_country_of_its_own() {
    let twilio = Twilio::start().await;
    let answer = twilio.get("/AvailablePhoneNumbers/PR/Local.json").await;
    for item in answer.body["available_phone_numbers"].as_array().expect("a list") {
        assert_eq!(item["iso_country"], "PR");
        let number = item["phone_number"].as_str().expect("a text");
        assert!(number.starts_with("+1787") || number.starts_with("+1939"), "{number}");
    }
    assert_eq!(search(&twilio, "US/Local.json?AreaCode=787").await, [""; 0]);
}

#[tokio::test]
async fn filters() {
    let twilio = Twilio::start().await;
    assert_eq!(search(&twilio, "US/Local.json").await.len(), 50);
    assert_eq!(search(&twilio, "US/Local.json?PageSize=3").await.len(), 3);
    let ends = search(&twilio, "US/Local.json?Contains=01*7%24&PageSize=1000").await;
    assert!(!ends.is_empty() && ends.iter().all(|number| number.ends_with('7')), "{ends:?}");
    let begins = search(&twilio, "US/Local.json?Contains=%2B1415&PageSize=1000").await;
    assert!(begins.len() == 20 && begins.iter().all(|number| number.starts_with("+1415")), "{begins:?}");
    let letters = search(&twilio, "US/Local.json?AreaCode=415&Contains=JJJ").await;
    assert_eq!(letters.len(), 20, "JJJ is 555");
    assert_eq!(search(&twilio, "US/Local.json?FaxEnabled=true").await, [""; 0]);
    assert_eq!(search(&twilio, "GB/Local.json?ExcludeAllAddressRequired=true").await, [""; 0]);
    assert_eq!(search(&twilio, "US/Local.json?InRegion=HI").await.len(), 20);
}

#[tokio::test]
async fn refuses_what_it_cannot_search() {
    let twilio = Twilio::start().await;
    for (path, error) in [
        ("US/Mobile.json", (404, 20404)),
        ("CA/TollFree.json", (404, 20404)),
        ("XX/Local.json", (404, 20404)),
        ("XX.json", (404, 20404)),
        ("US/National.json", (404, 20404)),
        ("US/Local", (404, 20404)),
        ("US/Local.json?Contains=1", (400, 400)),
        ("US/Local.json?Contains=12345678901234567", (400, 400)),
        ("US/Local.json?Contains=12-34", (400, 400)),
        ("US/Local.json?AreaCode=21", (400, 21451)),
        ("US/Local.json?SmsEnabled=maybe", (400, 400)),
    ] {
        assert_eq!(twilio.get(&format!("/AvailablePhoneNumbers/{path}")).await.error(), error, "{path}");
    }
    assert_eq!(twilio.post("/AvailablePhoneNumbers/US/Local.json", &[]).await.error(), (405, 20004));
    assert_eq!(twilio.get("/AvailablePhoneNumbers/US.json").await.text("uri"), {
        format!("/2010-04-01/Accounts/{ACCOUNT}/AvailablePhoneNumbers/US.json")
    });
}
