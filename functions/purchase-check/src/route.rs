//! The routes: what the gateway matched, and the scope that each needs.

/// One route of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// Ask for a number.
    AskForPurchase,
    /// Follow a purchase.
    ReadPurchase,
    /// Take a purchase back.
    CancelPurchase,
    /// See how far the verification is.
    ReadVerification,
    /// Start or resume the verification.
    OpenVerification,
}

impl Route {
    /// Every route: what the template must have, and what tests go through.
    pub const ALL: [Self; 5] = [
        Self::AskForPurchase,
        Self::ReadPurchase,
        Self::CancelPurchase,
        Self::ReadVerification,
        Self::OpenVerification,
    ];

    /// The route as the gateway names it.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::AskForPurchase => "POST /v1/sub-accounts/{sub}/purchases",
            Self::ReadPurchase => "GET /v1/sub-accounts/{sub}/purchases/{id}",
            Self::CancelPurchase => "DELETE /v1/sub-accounts/{sub}/purchases/{id}",
            Self::ReadVerification => "GET /v1/sub-accounts/{sub}/verification",
            Self::OpenVerification => "POST /v1/sub-accounts/{sub}/verification",
        }
    }

    /// The scope that a token needs.
    #[must_use]
    pub fn scope(self) -> &'static str {
        match self {
            Self::ReadPurchase | Self::ReadVerification => "purchases:read",
            Self::AskForPurchase | Self::CancelPurchase | Self::OpenVerification => "purchases:write",
        }
    }

    pub(crate) fn of(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|route| route.key() == key)
    }
}
