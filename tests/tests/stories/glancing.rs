//! What is not over is told: `dialgate purchases` over the table in memory.

use adapters::items::keys;
use domain::{PurchaseId, SubAccountId};
use futures::executor::block_on;
use local::glance::{OpenPurchase, open_purchases};
use serde_json::json;
use tests::world::{Neighbours, clock, world};

use crate::{GATED, NOT_GATED, SUB};

fn told(world: &Neighbours<'_>, sub_account: Option<&str>) -> Vec<String> {
    let sub_account = sub_account.map(|sub_account| SubAccountId::parse(sub_account).expect("is a word"));
    let table = &world.table;
    let open = block_on(open_purchases(&table, sub_account.as_ref(), |_| {})).expect("the table in memory answers");
    let mut lines: Vec<String> = open.iter().map(|open: &OpenPurchase| open.line(world.now())).collect();
    lines.sort_by_key(|line| line.split_once(": ").map(|(_, line)| line.to_owned()));
    lines
}

#[test]
fn what_is_not_over_is_told_and_one_that_cannot_be_read_hides_no_other() {
    let clock = clock();
    let world = world(&clock);
    let ask = |key: &str, body: &serde_json::Value| {
        let id = world.ask_for(SUB, key, body).body["id"].as_str().expect("id").to_owned();
        PurchaseId::parse(&id).expect("is an id")
    };
    let done = ask("done", &json!({"kind": "number", "phone_number": NOT_GATED}));
    assert_eq!(world.complete(), 0);
    let single = ask("single", &json!({"kind": "number", "phone_number": GATED}));
    let pool = ask("pool", &json!({"kind": "number_pool", "phone_numbers": ["+12125550101", "+12125550102"]}));
    let broken = ask("broken", &json!({"kind": "number", "phone_number": "+12125550103"}));
    world.spoil(keys::purchase(&SubAccountId::parse(SUB).expect("is a word"), &broken), "state");
    let lines = told(&world, None);
    let [unreadable, one, two] = &lines[..] else { panic!("{lines:?}") };
    assert!(!lines.concat().contains(done.as_str()), "what is over is not told");
    for (line, id, says) in [
        (unreadable, &broken, "unreadable, the attribute `state` of an item cannot be read, looked at again in "),
        (one, &single, "waiting, 1 number, asked for 0 s ago, looked at again in "),
        (two, &pool, "waiting, 2 numbers, asked for 0 s ago, looked at again in "),
    ] {
        assert!(line.starts_with(&format!("{id} of {SUB}: {says}")), "{line}");
    }
    assert_eq!(told(&world, Some(SUB)), lines);
    assert!(told(&world, Some("Loc_other")).is_empty());
    clock.advance_s(3600);
    assert!(told(&world, None).iter().all(|line| line.contains("its visit is ")), "nobody swept");
}
