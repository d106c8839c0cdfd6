//! An approved owner that is due: the outbox of who waits for it, and the names that are still to be compared.

use adapters::ambient::Ambient;
use adapters::items::{StoredVerification, VERSION, VISITS, keys, verification_from_item};
use adapters::name_match::NameMatch;
use adapters::persona::Identity;
use adapters::phones;
use adapters::queue::Queue;
use adapters::store::{Condition, DUE_AT, DUE_SHARD, Item, PK, SK, Store, StoreError, Value, Write};
use adapters::verifications;
use domain::{Instant, Owner};

use crate::names::Comparisons;
use crate::{Due, SweepError, Sweeper, Visited};

/// Name of the attribute of a verification that holds where the last visit ended: the sort key of a wait pointer.
const WOKEN_UP_TO: &str = "woken_up_to";

/// Messages that one visit to one owner sends: with some 100 requests of ten at a time, seconds of a sweep's time.
const WAKE_IN_SWEEP_MAX: usize = 2_000;

impl<S: Store, Q: Queue, I: Identity, N: NameMatch, A: Ambient> Sweeper<S, Q, I, N, A> {
    /// Wakes who still waits, from where the last visit ended. Once nobody does, the owner is no longer due: whoever waits
    /// later reads it as verified.
    pub(crate) async fn visit_verification(
        &self,
        due: Due,
        owner: Owner,
        names: &Comparisons,
    ) -> Result<Visited, SweepError> {
        let stored = verification_from_item(&due.item)?;
        let names_wanted = stored.verification.names_to_compare().is_some();
        if stored.verification.verified_at().is_none() {
            if names_wanted {
                return self.visit_approval(due, &owner, stored, names).await;
            }
            let broken = "a verification that Persona is to be asked about stands among what we are to do".to_owned();
            return Err(StoreError::Broken(broken).into());
        }
        // Mostly everybody was woken and bought by now: then one write does. Whoever waits later reads it as verified.
        if verifications::waiters(&self.store, &owner, 1, None).await?.items.is_empty() {
            if names_wanted {
                return self.visit_approval(due, &owner, stored, names).await;
            }
            self.sleep(&due, stored.version, Instant::from_unix_ms(due.due_at)).await?;
            return Ok(Visited::Nothing);
        }
        let next_at = self.backed_off(&due, self.ambient.now(), self.settings.revisits.step_ms);
        if !self.push(&due, next_at).await? {
            return Ok(Visited::Nothing);
        }
        match self.wake_from_last(&due, &owner, next_at).await? {
            Some(messages) => Ok(Visited::Sent(messages)),
            None => {
                if !names_wanted {
                    self.sleep(&due, stored.version, next_at).await?;
                }
                Ok(Visited::Nothing)
            }
        }
    }

    /// Wakes who waits, from where the last visit ended: the messages sent, or none if nobody waits. The item was pushed to
    /// `pushed_to`.
    pub(crate) async fn wake_from_last(
        &self,
        due: &Due,
        owner: &Owner,
        pushed_to: Instant,
    ) -> Result<Option<usize>, SweepError> {
        let from = due.item.get(WOKEN_UP_TO).and_then(|last| waiter_key(owner, last));
        let from_the_start = from.is_none();
        let woken = verifications::wake(&self.store, &self.queue, owner, from, WAKE_IN_SWEEP_MAX).await?;
        if woken.messages == 0 && from_the_start {
            return Ok(None);
        }
        // Those at the front may take long: the next visit goes on behind them, soon, and then starts again.
        let (set, remove) = match woken.more_after.as_ref().and_then(|last| last.get(SK).cloned()) {
            Some(last) => {
                let soon = self.ambient.now().plus_ms(self.settings.revisits.step_ms);
                (vec![(WOKEN_UP_TO, last), (DUE_AT, Value::N(soon.unix_ms())), (VISITS, Value::N(0))], vec![])
            }
            None if from_the_start => return Ok(Some(woken.messages)),
            None => (vec![], vec![WOKEN_UP_TO]),
        };
        let expect = Condition::Equals(DUE_AT, Value::N(pushed_to.unix_ms()));
        self.conditional(Write::Update { key: due.key.clone(), set, remove, expect }).await?;
        Ok(Some(woken.messages))
    }

    /// An approval whose name is to be compared, and for which nobody is to be woken: now, if there is a phone. Without one
    /// it sleeps, on the version that was read before: a phone is written down before who waits for it is read, so that
    /// one of the two sees the other.
    async fn visit_approval(
        &self,
        due: Due,
        owner: &Owner,
        stored: StoredVerification,
        names: &Comparisons,
    ) -> Result<Visited, SweepError> {
        let Owner::SubAccount(sub_account) = owner else {
            return Err(StoreError::Broken("an agency has no phone to compare a name with".to_owned()).into());
        };
        if !names.has_room() {
            return Ok(Visited::Nothing);
        }
        let next_at = self.backed_off(&due, self.ambient.now(), self.settings.revisits.step_ms);
        if self.push(&due, next_at).await? {
            let phone = phones::load_approved(&self.store, sub_account).await?;
            match phone.zip(stored.verification.names_to_compare()) {
                // Once recorded, it is another version: due again if anybody waits for it.
                Some((phone, inquiry)) => names.add(owner.clone(), inquiry.clone(), phone.number),
                None => self.sleep(&due, stored.version, next_at).await?,
            }
        }
        Ok(Visited::Nothing)
    }

    /// Takes the item out of the due index, unless it changed, or its visit was pushed elsewhere than to `pushed_to`.
    pub(crate) async fn sleep(&self, due: &Due, version: i64, pushed_to: Instant) -> Result<(), StoreError> {
        self.conditional(Write::Update {
            key: due.key.clone(),
            set: vec![],
            remove: vec![DUE_SHARD, DUE_AT, VISITS, WOKEN_UP_TO],
            expect: Condition::All(vec![
                Condition::Equals(DUE_AT, Value::N(pushed_to.unix_ms())),
                Condition::Equals(VERSION, Value::N(version)),
            ]),
        })
        .await
        .map(|_| ())
    }
}

/// The keys of the wait pointer with this sort key: where to go on behind.
fn waiter_key(owner: &Owner, last: &Value) -> Option<Item> {
    match last {
        Value::S(_) => Some(Item::from([(PK, Value::S(keys::owner_pk(owner).into())), (SK, last.clone())])),
        Value::N(_) | Value::Bool(_) | Value::Map(_) | Value::List(_) => None,
    }
}
