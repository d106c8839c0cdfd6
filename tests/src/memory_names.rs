//! Names in memory: how well the name on anybody's ID fits the owner of a phone.

use std::collections::BTreeMap;
use std::sync::Mutex;

use adapters::name_match::{NameMatch, NameMatchError};
use adapters::twilio::LookupError;
use domain::{InquiryId, NameLevel, NameLevels, PhoneNumber};

use crate::locked;

/// Nobody knows whose phone a number is, unless a test says otherwise.
#[derive(Debug, Default)]
pub struct MemoryNames {
    inner: Mutex<NamesState>,
}

#[derive(Debug, Default)]
struct NamesState {
    levels: BTreeMap<PhoneNumber, NameLevels>,
    down: bool,
    asked: Vec<(InquiryId, PhoneNumber)>,
}

impl MemoryNames {
    /// Gives a number's owner a name that fits so well.
    pub fn set(&self, number: &PhoneNumber, first: NameLevel, last: NameLevel) {
        locked(&self.inner).levels.insert(number.clone(), NameLevels { first, last });
    }

    /// Answers nothing, or answers again.
    pub fn set_down(&self, down: bool) {
        locked(&self.inner).down = down;
    }

    /// Every answer that was given, each of which is paid for.
    pub fn asked(&self) -> Vec<(InquiryId, PhoneNumber)> {
        locked(&self.inner).asked.clone()
    }
}

impl NameMatch for &MemoryNames {
    async fn levels(&self, inquiry: &InquiryId, phone: &PhoneNumber) -> Result<NameLevels, NameMatchError> {
        let mut state = locked(&self.inner);
        if state.down {
            return Err(NameMatchError::Lookup(LookupError::Unavailable));
        }
        state.asked.push((inquiry.clone(), phone.clone()));
        let unknown = NameLevels { first: NameLevel::NoData, last: NameLevel::NoData };
        Ok(state.levels.get(phone).copied().unwrap_or(unknown))
    }
}
