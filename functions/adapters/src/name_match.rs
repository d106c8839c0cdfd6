//! The name on the ID and the phone's owner: asked of one vendor and handed to the other, in memory, and never further.
//! What comes out are levels, which say how well they fit and nothing of the person.

use std::future::Future;

use domain::{InquiryId, NameLevel, NameLevels, PhoneNumber};
use secrecy::SecretString;

use crate::persona::PersonaError;
use crate::twilio::LookupError;

/// The name on an ID. Lives in memory only.
#[derive(Debug, Clone)]
pub struct PersonName {
    /// First name.
    pub first: SecretString,
    /// Last name.
    pub last: SecretString,
}

/// Who knows the name on an ID.
pub trait NameOnId: Send + Sync {
    /// The name on the ID of an inquiry; none when it has none, or was redacted.
    ///
    /// # Errors
    /// [`PersonaError`] when Persona does not say.
    fn name_on_id(&self, inquiry: &InquiryId) -> impl Future<Output = Result<Option<PersonName>, PersonaError>> + Send;
}

/// Who compares a name with the owner of a phone.
pub trait NameLookup: Send + Sync {
    /// How well a name fits the phone's owner.
    ///
    /// # Errors
    /// [`LookupError`] when that is not known: nothing is decided.
    fn name_levels(
        &self,
        number: &PhoneNumber,
        name: &PersonName,
    ) -> impl Future<Output = Result<NameLevels, LookupError>> + Send;
}

/// How well the name on an ID fits the owner of a phone.
pub trait NameMatch: Send + Sync {
    /// Compares them. What a vendor does not know is an answer: [`NameLevel::NoData`], [`NameLevel::NotOnId`].
    ///
    /// # Errors
    /// [`NameMatchError`] when one of the vendors does not answer: nothing is decided, and a later try may cost again.
    fn levels(
        &self,
        inquiry: &InquiryId,
        phone: &PhoneNumber,
    ) -> impl Future<Output = Result<NameLevels, NameMatchError>> + Send;
}

/// Why the names could not be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameMatchError {
    /// Persona did not give the name.
    #[error("the name on the ID is not known now: {0}")]
    Persona(#[from] PersonaError),
    /// Lookup did not compare.
    #[error("the name was not compared: {0}")]
    Lookup(LookupError),
}

/// The name from Persona, compared by Twilio Lookup.
#[derive(Debug, Clone)]
pub struct IdAgainstPhone<N, L> {
    /// Who knows the name on the ID.
    pub ids: N,
    /// Who compares it with the phone's owner.
    pub lookup: L,
}

impl<N: NameOnId, L: NameLookup> NameMatch for IdAgainstPhone<N, L> {
    async fn levels(&self, inquiry: &InquiryId, phone: &PhoneNumber) -> Result<NameLevels, NameMatchError> {
        let both = |level| NameLevels { first: level, last: level };
        let Some(name) = self.ids.name_on_id(inquiry).await? else { return Ok(both(NameLevel::NotOnId)) };
        match self.lookup.name_levels(phone, &name).await {
            // The package's own answer that it has nothing: a country out of coverage, say.
            Err(LookupError::Nothing(_) | LookupError::NotANumber) => Ok(both(NameLevel::NoData)),
            Err(error @ (LookupError::Unavailable | LookupError::Unauthorised)) => Err(NameMatchError::Lookup(error)),
            Ok(levels) => Ok(levels),
        }
    }
}
