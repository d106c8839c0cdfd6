//! Many numbers that are ours, in the table and at the carrier, with what does not fit among them: drawn from a seed.

use adapters::items::{lock_item, purchase_to_item};
use adapters::store::{Condition, Store, Write};
use adapters::twilio::{Inventory, InventoryPage, LookError, NextPage};
use domain::{
    AccountSid, FailedNumber, MemberIndex, NumberSid, PhoneNumber, Place, Purchase, PurchaseId, PurchaseState, Reason,
    SubAccountId,
};
use futures::executor::block_on;

use crate::neighbours::MemoryCarrier;
use crate::purchases::waiting;
use crate::simulation::random::Random;
use crate::world::{Neighbours, account};

/// Numbers of one page, as at Twilio.
const PAGE_NUMBERS: usize = 1000;

impl Inventory for &MemoryCarrier<'_> {
    async fn page(&self, account: &AccountSid, next: Option<NextPage>) -> Result<InventoryPage, LookError> {
        let after = next.map_or_else(String::new, |NextPage(number)| number);
        let mut numbers = self.listed(account)?;
        numbers.retain(|owned| owned.number.as_str() > after.as_str());
        let more = numbers.len() > PAGE_NUMBERS;
        numbers.truncate(PAGE_NUMBERS);
        let next = numbers.last().filter(|_| more).map(|last| NextPage(last.number.to_string()));
        Ok(InventoryPage { numbers, unreadable: 0, next })
    }
}

/// What does not fit, by number, each list in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Misfits {
    /// At the carrier with a mark of ours, and no lock.
    pub unowned: Vec<PhoneNumber>,
    /// At the carrier under another id than the one that was recorded.
    pub under_another_sid: Vec<PhoneNumber>,
    /// Recorded, and not at the carrier.
    pub missing: Vec<PhoneNumber>,
    /// Locked for a purchase that failed.
    pub empty_locks: Vec<PhoneNumber>,
    /// At the carrier, and never ours.
    pub foreign: usize,
    /// How many fit.
    pub fitting: usize,
}

/// How many of ten thousand numbers are of each kind of misfit, or foreign.
const OF_TEN_THOUSAND: usize = 5;

/// Gives the account `count` numbers, completed long ago, every tenth of them one of a pool's; what does not fit.
pub fn fill(world: &Neighbours<'_>, count: u32, seed: u64) -> Misfits {
    let mut misfits = Misfits::default();
    let mut dice = Random::new(seed);
    for index in 0..count {
        let number = PhoneNumber::parse(&format!("+1212{:07}", 2_000_000 + index)).expect("is a number");
        let drawn = dice.below(10_000);
        let purchase = purchase(world, index, number.clone());
        match drawn / OF_TEN_THOUSAND {
            0 => {
                own(world, &purchase);
                misfits.unowned.push(number);
            }
            1 => {
                let old_sid = NumberSid::parse(&format!("PNold{index:08}")).expect("is a word");
                own(world, &purchase);
                record(world, &completed(&purchase, old_sid));
                misfits.under_another_sid.push(number);
            }
            2 => {
                let gone = NumberSid::parse(&format!("PNgone{index:08}")).expect("is a word");
                record(world, &completed(&purchase, gone));
                misfits.missing.push(number);
            }
            3 => {
                let at = world.now();
                let (reason, lock) = (Reason::CarrierRefused, FailedNumber::Unlocked);
                record(world, &Purchase { state: PurchaseState::Failed { reason, at, lock }, ..purchase });
                misfits.empty_locks.push(number);
            }
            4 => {
                world.carrier.plant(&account(), &number, "somebody's desk");
                misfits.foreign += 1;
            }
            _ => {
                let sid = own(world, &purchase);
                record(world, &completed(&purchase, sid));
                misfits.fitting += 1;
            }
        }
    }
    // Nothing of this is so young that the carrier's list might lag behind it.
    world.clock.advance_s(3600);
    misfits
}

fn purchase(world: &Neighbours<'_>, index: u32, number: PhoneNumber) -> Purchase {
    let now = world.now();
    let place = match MemberIndex::new(usize::try_from(index % 100).unwrap_or(0)) {
        Some(member) if index.is_multiple_of(10) => Place::Member(member),
        Some(_) | None => Place::Alone,
    };
    let id = PurchaseId::parse(&format!("pur_{index:032x}")).expect("is an id");
    let sub_account = SubAccountId::parse(&format!("Loc{}", index % 500)).expect("is a word");
    Purchase { place, ..waiting(sub_account, id, number, now) }
}

/// The carrier has the number, with the purchase's mark; its id there.
fn own(world: &Neighbours<'_>, purchase: &Purchase) -> NumberSid {
    world.carrier.plant(&account(), &purchase.number, purchase.id.as_str()).sid
}

fn completed(purchase: &Purchase, sid: NumberSid) -> Purchase {
    let state = PurchaseState::Completed { sid, account: account(), at: purchase.created_at };
    Purchase { state, ..purchase.clone() }
}

/// The table has the number, and its lock.
fn record(world: &Neighbours<'_>, purchase: &Purchase) {
    let table = &world.table;
    for item in [purchase_to_item(purchase, 3, None), lock_item(&account(), purchase)] {
        block_on(table.write(Write::Put { item, expect: Condition::ItemAbsent })).expect("nothing is there");
    }
}
