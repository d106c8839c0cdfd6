//! The routes: what the gateway matched, and the scope that each needs.

/// One route of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// Send a passcode.
    Start,
    /// See what became of it.
    Read,
    /// Check a passcode.
    Check,
}

impl Route {
    /// Every route: what the template must have, and what tests go through.
    pub const ALL: [Self; 3] = [Self::Start, Self::Read, Self::Check];

    /// The route as the gateway names it.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Start => "POST /v1/sub-accounts/{sub}/phone-verifications",
            Self::Read => "GET /v1/sub-accounts/{sub}/phone-verifications/{id}",
            Self::Check => "POST /v1/sub-accounts/{sub}/phone-verifications/{id}/check",
        }
    }

    /// The scope that a token needs.
    #[must_use]
    pub fn scope(self) -> &'static str {
        match self {
            Self::Read => "purchases:read",
            Self::Start | Self::Check => "purchases:write",
        }
    }

    pub(crate) fn of(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|route| route.key() == key)
    }
}
