//! An approved phone that is due: the outbox of who waits for it.

use adapters::ambient::Ambient;
use adapters::items::{VERSION, approved_phone_from_item};
use adapters::name_match::NameMatch;
use adapters::persona::Identity;
use adapters::queue::Queue;
use adapters::store::{Store, StoreError, Value};
use adapters::verifications;
use domain::{Owner, SubAccountId};

use crate::names::Comparisons;
use crate::{Due, SweepError, Sweeper, Visited};

impl<S: Store, Q: Queue, I: Identity, N: NameMatch, A: Ambient> Sweeper<S, Q, I, N, A> {
    /// What waits for the phone goes on: purchases, and an approval whose name is compared with its owner's. Once nothing
    /// does, the phone is no longer due: whatever waits later reads it.
    pub(crate) async fn visit_phone(
        &self,
        due: Due,
        sub_account: SubAccountId,
        names: &Comparisons,
    ) -> Result<Visited, SweepError> {
        let phone = approved_phone_from_item(&due.item)?;
        let version = match due.item.get(VERSION) {
            Some(Value::N(version)) => *version,
            _ => return Err(StoreError::Broken("an approved phone has no version".to_owned()).into()),
        };
        let next_at = self.backed_off(&due, self.ambient.now(), self.settings.revisits.step_ms);
        if !self.push(&due, next_at).await? {
            return Ok(Visited::Nothing);
        }
        let owner = Owner::SubAccount(sub_account);
        let woken = self.wake_from_last(&due, &owner, next_at).await?;
        let stored = verifications::load(&self.store, &owner).await?;
        match stored.verification.names_to_compare() {
            // The visit that follows finds them compared.
            Some(inquiry) if names.has_room() => names.add(owner, inquiry.clone(), phone.number),
            Some(_) => {}
            None if woken.is_none() => self.sleep(&due, version, next_at).await?,
            None => {}
        }
        Ok(Visited::Sent(woken.unwrap_or(0)))
    }
}
