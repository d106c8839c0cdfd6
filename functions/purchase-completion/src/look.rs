//! Looking: what the carrier's list says of a number.

use adapters::ambient::Ambient;
use adapters::items::{keys, locked_number};
use adapters::purchases;
use adapters::store::{Store, StoreError};
use adapters::twilio::{Carrier, LookError, OwnedNumber, Stock};
use domain::{
    AccountSid, Instant, LeaseToken, NumberSid, PhoneNumber, Place, Purchase, PurchaseEvent, PurchaseId, PurchaseState,
    Slot,
};
use tracing::{error, warn};

use crate::PurchaseCompletion;
use crate::visit::Working;

/// When a carrier that has too many requests and does not say more is asked again, in milliseconds.
const BUSY_RETRY_MS: i64 = 30_000;
/// When a carrier that does not accept our credential is asked again, in milliseconds: an operator must act first.
const UNAUTHORISED_RETRY_MS: i64 = 15 * 60 * 1000;

/// What the carrier's list says of the number.
pub(crate) enum Seen {
    /// It is there, with our mark.
    Ours(OwnedNumber),
    /// It is there, with another mark or none.
    Foreign {
        /// Whether the mark is another purchase of the same sub-account.
        same_sub_account: bool,
    },
    /// A number that was given up is there with our mark, which should not be.
    Stray(NumberSid),
    /// It is not there.
    Absent,
    /// Not even the account is there.
    NoAccount,
    /// The carrier did not say; ask again then, if it said so.
    NotNow(Option<Instant>),
}

/// What a look proves of a number that is being bought.
pub(crate) enum Proof {
    /// This, whatever is in hand.
    Is(PurchaseEvent),
    /// The number is another sub-account's: another one may be taken.
    Gone(PurchaseEvent),
    /// It is not there.
    Absent,
    /// The carrier did not say; ask again then, if it said so.
    NotNow(Option<Instant>),
}

impl Seen {
    /// What it proves to the worker with this token.
    pub(crate) fn proof(self, token: &LeaseToken) -> Proof {
        let token = token.clone();
        match self {
            Self::Ours(number) => Proof::Is(PurchaseEvent::SeenOurs { sid: number.sid }),
            Self::Stray(sid) => Proof::Is(PurchaseEvent::BoughtWrong { sid }),
            Self::Foreign { same_sub_account } => {
                let event = PurchaseEvent::SeenForeign { token, same_sub_account };
                if same_sub_account { Proof::Is(event) } else { Proof::Gone(event) }
            }
            Self::NoAccount => Proof::Is(PurchaseEvent::NoAccount { token }),
            Self::Absent => Proof::Absent,
            Self::NotNow(retry_at) => Proof::NotNow(retry_at),
        }
    }
}

impl<S: Store, C: Carrier + Stock, A: Ambient> PurchaseCompletion<S, C, A> {
    /// Looks for the number that is being bought, in the account in which that began.
    pub(crate) async fn look(&self, working: &Working) -> Result<Seen, StoreError> {
        let purchase = &working.stored.purchase;
        let PurchaseState::Buying(Slot { account, .. }) = &purchase.state else {
            return Ok(Seen::NotNow(None));
        };
        let seen = self.look_in(purchase, account).await?;
        let is_not_ours = matches!(seen, Seen::Absent | Seen::Foreign { .. });
        if purchase.given_up.is_empty() || !is_not_ours {
            return Ok(seen);
        }
        // After a switch, what was given up may have become ours all the same.
        match self.look_for_mark(purchase, account).await? {
            Seen::Absent => Ok(seen),
            by_mark @ (Seen::Ours(_) | Seen::Foreign { .. } | Seen::Stray(_) | Seen::NotNow(_) | Seen::NoAccount) => {
                Ok(by_mark)
            }
        }
    }

    /// Looks once more for a number that was settled as failed, by number and by mark, and frees its lock.
    pub(crate) async fn last_look(&self, working: Working, account: &AccountSid) -> Result<(), StoreError> {
        let purchase = &working.stored.purchase;
        let seen = match self.look_in(purchase, account).await? {
            Seen::Absent | Seen::Foreign { .. } => self.look_for_mark(purchase, account).await?,
            seen @ (Seen::Ours(_) | Seen::Stray(_) | Seen::NotNow(_) | Seen::NoAccount) => seen,
        };
        let event = match seen {
            Seen::Ours(number) => PurchaseEvent::SeenOurs { sid: number.sid },
            Seen::Stray(sid) => PurchaseEvent::BoughtWrong { sid },
            // What an account had that is no more is nobody's.
            Seen::Foreign { .. } | Seen::Absent | Seen::NoAccount => PurchaseEvent::SeenAbsent { token: None },
            Seen::NotNow(_) => return Ok(()),
        };
        self.finish(working, &event).await
    }

    async fn look_in(&self, purchase: &Purchase, account: &AccountSid) -> Result<Seen, StoreError> {
        match self.carrier.find(account, &purchase.number).await {
            Ok(None) => Ok(Seen::Absent),
            Ok(Some(number)) if number.mark == purchase.id.as_str() => Ok(Seen::Ours(number)),
            Ok(Some(number)) => {
                let same_sub_account = match PurchaseId::parse(&number.mark) {
                    Ok(other) => purchases::load(&self.store, &purchase.sub_account, &other).await?.is_some(),
                    Err(_) => false,
                };
                Ok(Seen::Foreign { same_sub_account })
            }
            Err(error) => Ok(self.not_now(purchase, error)),
        }
    }

    /// Looks for our mark on this number, or on one that was given up. A pool's other numbers carry the same mark, and may
    /// since have taken what this one gave up: then that is theirs, and their lock says so.
    async fn look_for_mark(&self, purchase: &Purchase, account: &AccountSid) -> Result<Seen, StoreError> {
        let marked = match self.carrier.find_marked(account, purchase.id.as_str()).await {
            Ok(marked) => marked,
            Err(error) => return Ok(self.not_now(purchase, error)),
        };
        for number in marked {
            if number.number == purchase.number {
                return Ok(Seen::Ours(number));
            }
            if purchase.given_up.contains(&number.number)
                && !self.is_a_siblings(purchase, account, &number.number).await?
            {
                return Ok(Seen::Stray(number.sid));
            }
        }
        Ok(Seen::Absent)
    }

    /// Whether another number of the same pool has locked this one.
    async fn is_a_siblings(
        &self,
        purchase: &Purchase,
        account: &AccountSid,
        number: &PhoneNumber,
    ) -> Result<bool, StoreError> {
        let Place::Member(own) = purchase.place else { return Ok(false) };
        let Some(lock) = self.store.get(&keys::lock(account, number)).await? else { return Ok(false) };
        let (_, holder) = locked_number(&lock)?;
        Ok(holder.purchase == purchase.id && holder.member.is_some_and(|member| member != own))
    }

    fn not_now(&self, purchase: &Purchase, error: LookError) -> Seen {
        if error == LookError::NoAccount {
            error!(purchase = %purchase.id, metric = "account_restricted", "The carrier has no account that this is to be bought in.");
            return Seen::NoAccount;
        }
        if error == LookError::Unknown {
            warn!(purchase = %purchase.id, "The carrier did not say what it has; the next visit asks again.");
        }
        Seen::NotNow(self.retry_at(error))
    }

    /// When the carrier is worth asking again; none when it just did not answer.
    pub(crate) fn retry_at(&self, error: LookError) -> Option<Instant> {
        match error {
            LookError::NotProcessed { retry_after_s } => Some(self.busy_until(retry_after_s)),
            LookError::Unauthorised => Some(self.unauthorised_until()),
            LookError::Unknown | LookError::NoAccount => None,
        }
    }

    pub(crate) fn busy_until(&self, retry_after_s: Option<u32>) -> Instant {
        self.ambient.now().plus_ms(retry_after_s.map_or(BUSY_RETRY_MS, |seconds| i64::from(seconds) * 1000))
    }

    pub(crate) fn unauthorised_until(&self) -> Instant {
        error!(metric = "carrier_unauthorised", "The carrier does not accept our credential.");
        self.ambient.now().plus_ms(UNAUTHORISED_RETRY_MS)
    }
}
