//! What stays behind: no passcode anywhere, no phone number and no address in a log, no score in an answer.

use tests::logs::logged;

use crate::{ABROAD, HOME, SUB, id, in_a_world, number};

#[test]
fn passcodes_addresses_and_whole_numbers_stay_in_memory() {
    let (mut stored, mut entered) = (String::new(), String::new());
    let ((), lines) = logged(|| {
        in_a_world(|world| {
            world.lookup.set_risk(&number("+447500123456"), 99);
            world.start_from(SUB, "risky", &number("+447500123456"), "203.0.113.99");
            let started = world.start_from(SUB, "wrong", &number(ABROAD), "203.0.113.99");
            world.check(SUB, id(&started), "31415926");
            let started = world.start(SUB, "right", &number(HOME));
            entered = world.passcodes.code(&number(HOME)).expect("is under way");
            assert_eq!(world.check(SUB, id(&started), &entered).body["result"], "approved");
            stored = format!("{:?}", world.table.items());
        });
    });
    let logged: String =
        lines.lines().map(|line| line.split_once(r#","level""#).map_or(line, |(_, rest)| rest)).collect();
    assert!(logged.contains("phone_sent") && logged.contains("phone_refused"), "the search can find: {logged}");
    assert!(stored.contains(HOME), "the search can find");
    for secret in ["31415926", "203.0.113.99", &entered] {
        assert!(!logged.contains(secret), "{secret} is logged");
        assert!(!stored.contains(secret), "{secret} is stored");
    }
    for phone in [HOME, ABROAD, "+447500123456"] {
        assert!(!logged.contains(&phone[1..]), "{phone} is logged");
    }
}
