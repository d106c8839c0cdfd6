//! What customers ask for: numbers and pools, few enough numbers that they meet.

use std::array;
use std::sync::LazyLock;

use domain::{IdempotencyKey, PhoneNumber, PurchaseId, SubAccountId};
use purchase_check::Route;
use serde_json::{Value, json};

use super::random::Random;
use super::size::Size;
use crate::events::{Caller, lean_event};

/// The sub-accounts of a schedule.
pub(super) const SUB_ACCOUNTS: [&str; 2] = ["LocA", "LocB"];
/// The agency that a sub-account may belong to.
pub(super) const AGENCY: &str = "AgencyA";
/// The numbers that are asked for. The last is not gated.
pub(super) const NUMBERS: [&str; 4] = ["+12125550100", "+14165550100", "+17875550100", "+18765550100"];
/// Other numbers of their area codes, which the carrier has for sale.
pub(super) const FOR_SALE: [&str; 5] = ["+12125550101", "+12125550102", "+14165550101", "+18765550101", "+18765550102"];
/// Purchases that a schedule asks for at most.
pub(super) const PURCHASES_MAX: usize = 5;

/// Requests for one number alone: each number, to fail when it is gone or to be replaced.
const ALONE: usize = 2 * NUMBERS.len();

/// Everything that may be asked for: first the [`ALONE`] ones, then pools.
static WANTED: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let one = |number: &&str, way: &str| json!({"kind": "number", "phone_number": number, "if_unavailable": way});
    let pool = |numbers: &[usize], fulfilment: &str, way: &str| {
        let numbers: Vec<&str> = numbers.iter().map(|number| NUMBERS[*number]).collect();
        json!({"kind": "number_pool", "phone_numbers": numbers, "fulfilment": fulfilment, "if_unavailable": way})
    };
    let numbers = NUMBERS.iter().flat_map(|number| [one(number, "fail"), one(number, "same_area_code")]);
    let pools = [
        pool(&[0, 3], "best_effort", "fail"),
        pool(&[1, 2], "all_or_nothing", "fail"),
        pool(&[3, 0], "all_or_nothing", "same_area_code"),
        pool(&[0, 1, 2], "all_or_nothing", "fail"),
        pool(&[3], "best_effort", "same_area_code"),
    ];
    numbers.chain(pools).collect()
});

/// One request that a customer makes, and repeats until it is answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    sub_account: usize,
    wanted: usize,
}

impl Order {
    /// The order under this key: the first ones are different sub-accounts'.
    pub(super) fn draw(key: usize, size: Size, random: &mut Random) -> Self {
        let sub_account = if key < SUB_ACCOUNTS.len() { key } else { random.below(SUB_ACCOUNTS.len()) };
        let among = if random.chance(size.alone_percent()) { ALONE } else { WANTED.len() };
        Self { sub_account, wanted: random.below(among) }
    }

    /// The order of this, by its place in the list of what can be asked for.
    pub(super) const fn of(sub_account: usize, wanted: usize) -> Self {
        Self { sub_account, wanted }
    }

    /// Another order of the same sub-account.
    pub(super) fn otherwise(self) -> Self {
        Self { wanted: (self.wanted + 1) % WANTED.len(), ..self }
    }

    /// The purchase that it leads to under this key.
    pub(super) fn purchase(self, key: usize) -> &'static PurchaseId {
        /// The purchase under each key, of each sub-account: hashed once.
        static PURCHASES: LazyLock<[[PurchaseId; SUB_ACCOUNTS.len()]; PURCHASES_MAX]> = LazyLock::new(|| {
            array::from_fn(|key| {
                SUB_ACCOUNTS.map(|sub_account| {
                    let sub_account = SubAccountId::parse(sub_account).expect("is a word");
                    PurchaseId::of(&sub_account, &IdempotencyKey::parse(&format!("key-{key}")).expect("is a key"))
                })
            })
        });
        &PURCHASES[key][self.sub_account]
    }

    /// The event that asks for it under this key.
    pub(super) fn event(self, key: usize) -> Value {
        /// The request under each key, of each sub-account, for everything: made once.
        static ASKING: LazyLock<Vec<Value>> = LazyLock::new(|| {
            let of_key = |key: usize| {
                SUB_ACCOUNTS.into_iter().flat_map(move |sub_account| {
                    let key = format!("key-{key}");
                    WANTED.iter().map(move |wanted| {
                        let caller = Caller::sub_account(sub_account);
                        let headers = [("Idempotency-Key", key.as_str())];
                        let path = [("sub", sub_account)];
                        lean_event(Route::AskForPurchase.key(), &path, &headers, Some(&caller), &wanted.to_string())
                    })
                })
            };
            (0..PURCHASES_MAX).flat_map(of_key).collect()
        });
        ASKING[(key * SUB_ACCOUNTS.len() + self.sub_account) * WANTED.len() + self.wanted].clone()
    }
}

/// A number of [`NUMBERS`], parsed.
pub(super) fn number(index: usize) -> PhoneNumber {
    PhoneNumber::parse(NUMBERS[index]).expect("is a number")
}

/// A sub-account of [`SUB_ACCOUNTS`], parsed.
pub(super) fn sub_account(index: usize) -> SubAccountId {
    SubAccountId::parse(SUB_ACCOUNTS[index]).expect("is a word")
}
