//! An approved phone that is due: the outbox of who waits for it.

use adapters::ambient::Ambient;
use adapters::items::{VERSION, approved_phone_from_item};
use adapters::name_match::NameMatch;
use adapters::persona::Identity;
use adapters::queue::Queue;
use adapters::store::{Store, StoreError, Value};
use adapters::verifications;
use domain::{Owner, SubAccountId};

use crate::names::NamesBudget;
use crate::verification::WAKE_IN_SWEEP_MAX;
use crate::{Due, SweepError, Sweeper, Visited};

impl<S: Store, Q: Queue, I: Identity, N: NameMatch, A: Ambient> Sweeper<S, Q, I, N, A> {
    /// What waits for the phone goes on: an approval whose name is compared with its owner's, and purchases. Once nothing
    /// does, the phone is no longer due: whatever waits later reads it.
    pub(crate) async fn visit_phone(
        &self,
        due: Due,
        sub_account: SubAccountId,
        names: &NamesBudget,
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
        let woken = verifications::wake(&self.store, &self.queue, &owner, None, WAKE_IN_SWEEP_MAX).await?;
        let stored = verifications::load(&self.store, &owner).await?;
        let names_wanted = stored.verification.names_to_compare().is_some();
        let compares = names_wanted && names.take();
        if compares {
            self.compare_names(&owner, &stored, &phone).await?;
        }
        if woken.messages == 0 && compares == names_wanted {
            self.sleep(&due, version, next_at).await?;
        }
        Ok(Visited::Sent(woken.messages))
    }
}
