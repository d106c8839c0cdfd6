//! How many purchases may wait, and the list of all of them.

use adapters::items::Profile;
use serde_json::{Value, json};
use tests::world::{Neighbours, clock, world};

use crate::{GATED, NOT_GATED, SUB, approve};

fn limit(world: &Neighbours<'_>, open_purchases: u32) {
    world.store_profile(SUB, Profile { open_purchases_max: Some(open_purchases), ..Profile::default() });
}

fn gated(line: usize) -> String {
    format!("+1212555{:04}", 3000 + line)
}

#[test]
fn one_too_many_is_refused_and_leaves_nothing_behind() {
    let clock = clock();
    let world = world(&clock);
    limit(&world, 2);
    for line in 0..2 {
        assert_eq!(world.ask(SUB, &format!("key-{line}"), &gated(line)).status, 202);
    }
    let refused = world.ask(SUB, "key-2", &gated(2));
    assert_eq!((refused.status, refused.problem()), (429, "too-many-open-purchases"));
    assert_eq!(refused.headers["retry-after"], "60");
    assert_eq!((world.purchases().len(), world.with_sk("W#").len()), (2, 2));
    assert_eq!(world.ask(SUB, "key-1", &gated(1)).status, 200, "what stands is still found");
    approve(&world);
    assert_eq!(world.complete(), 0);
    assert_eq!(world.ask(SUB, "key-2", &gated(2)).status, 202, "its key was not used up");
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.charges(), 3);
}

#[test]
fn what_does_not_wait_is_not_counted() {
    let clock = clock();
    let world = world(&clock);
    limit(&world, 1);
    for line in 0..5 {
        let number = format!("+1876555{:04}", 3000 + line);
        assert_eq!(world.ask(SUB, &format!("key-{line}"), &number).status, 202);
    }
    assert_eq!(world.ask(SUB, "gated", GATED).status, 202);
    assert_eq!(world.ask("Loc_other", "gated", &gated(1)).status, 202, "nor what is another's");
}

/// Asks for a page.
fn list(world: &Neighbours<'_>, query: &str) -> (u64, Value) {
    let answer = world.list(SUB, query);
    (answer.status, answer.body)
}

fn ids(page: &Value) -> Vec<String> {
    let ids = page["purchases"].as_array().expect("a list").iter();
    ids.map(|purchase| purchase["id"].as_str().expect("id").to_owned()).collect()
}

#[test]
fn purchases_are_listed_newest_first_page_by_page() {
    let clock = clock();
    let world = world(&clock);
    assert_eq!(list(&world, ""), (200, json!({"purchases": []})));
    let mut asked = Vec::new();
    for line in 0..5 {
        let number = format!("+1876555{:04}", 3000 + line);
        asked.insert(0, world.ask(SUB, &format!("key-{line}"), &number).body["id"].as_str().expect("id").to_owned());
        clock.advance_s(1);
    }
    world.ask("Loc_other", "key", NOT_GATED);
    assert_eq!(ids(&list(&world, "").1), asked);
    let mut seen = Vec::new();
    let mut query = "limit=2".to_owned();
    for page in 0..3 {
        let (status, body) = list(&world, &query);
        assert_eq!(status, 200);
        seen.extend(ids(&body));
        match body["next_cursor"].as_str() {
            Some(cursor) => query = format!("limit=2&cursor={cursor}"),
            None => assert_eq!(page, 2, "the last page says so"),
        }
    }
    assert_eq!(seen, asked);
}

#[test]
fn a_list_is_filtered_by_the_state_that_is_shown() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "free", NOT_GATED);
    assert_eq!(world.complete(), 0);
    let waiting = world.ask(SUB, "gated", GATED).body["id"].as_str().expect("id").to_owned();
    let body = json!({"kind": "number_pool", "phone_numbers": [gated(1), NOT_GATED]});
    let pool = world.ask_for(SUB, "pool", &body).body["id"].as_str().expect("id").to_owned();
    let mut both = ids(&list(&world, "state=awaiting_verification").1);
    both.sort();
    let mut expected = vec![waiting, pool];
    expected.sort();
    assert_eq!(both, expected);
    assert_eq!(ids(&list(&world, "state=completed").1).len(), 1);
    assert_eq!(ids(&list(&world, "state=held").1).len(), 0);
}

#[test]
fn a_cursor_is_for_its_own_list() {
    let clock = clock();
    let world = world(&clock);
    for line in 0..3 {
        world.ask(SUB, &format!("key-{line}"), &format!("+1876555{:04}", 3000 + line));
        world.ask("Loc_other", &format!("key-{line}"), &format!("+1876555{:04}", 4000 + line));
    }
    let cursor = list(&world, "limit=1").1["next_cursor"].as_str().expect("there is more").to_owned();
    assert_eq!(world.list("Loc_other", &format!("cursor={cursor}")).status, 400, "another's");
    for wrong in [
        "limit=0".to_owned(),
        "limit=51".to_owned(),
        "limit=two".to_owned(),
        "limit=1&limit=2".to_owned(),
        "state=waiting".to_owned(),
        "state=".to_owned(),
        "cursor=".to_owned(),
        "cursor=AAAA".to_owned(),
        format!("cursor={}A", cursor),
        format!("cursor={}", &cursor[1..]),
        "order=oldest".to_owned(),
    ] {
        let answer = world.list(SUB, &wrong);
        assert_eq!((answer.status, answer.problem()), (400, "invalid-request"), "{wrong}");
    }
}
