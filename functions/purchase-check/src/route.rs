//! The routes: what the gateway matched, and the scope that each needs.

/// One route of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// Ask for a number, or a pool of them.
    AskForPurchase,
    /// List purchases, newest first.
    ListPurchases,
    /// Follow a purchase.
    ReadPurchase,
    /// Take a purchase back.
    CancelPurchase,
    /// See how far the verification is.
    ReadVerification,
    /// Start or resume the verification.
    OpenVerification,
    /// See what is stored about a sub-account.
    ReadProfile,
    /// Store a sub-account's agency, account at the carrier and limits.
    PutProfile,
    /// Decide on a number that is held.
    DecidePurchase,
    /// See whether numbers are bought at all.
    ReadPurchasesSwitch,
    /// Stop or start buying.
    TurnPurchasesSwitch,
}

impl Route {
    /// Every route: what the template must have, and what tests go through.
    pub const ALL: [Self; 11] = [
        Self::AskForPurchase,
        Self::ListPurchases,
        Self::ReadPurchase,
        Self::CancelPurchase,
        Self::ReadVerification,
        Self::OpenVerification,
        Self::ReadProfile,
        Self::PutProfile,
        Self::DecidePurchase,
        Self::ReadPurchasesSwitch,
        Self::TurnPurchasesSwitch,
    ];

    /// The route as the gateway names it.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::AskForPurchase => "POST /v1/sub-accounts/{sub}/purchases",
            Self::ListPurchases => "GET /v1/sub-accounts/{sub}/purchases",
            Self::ReadPurchase => "GET /v1/sub-accounts/{sub}/purchases/{id}",
            Self::CancelPurchase => "DELETE /v1/sub-accounts/{sub}/purchases/{id}",
            Self::ReadVerification => "GET /v1/sub-accounts/{sub}/verification",
            Self::OpenVerification => "POST /v1/sub-accounts/{sub}/verification",
            Self::ReadProfile => "GET /v1/operator/sub-accounts/{sub}",
            Self::PutProfile => "PUT /v1/operator/sub-accounts/{sub}",
            Self::DecidePurchase => "POST /v1/operator/purchases/{sub}/{id}",
            Self::ReadPurchasesSwitch => "GET /v1/operator/purchases-switch",
            Self::TurnPurchasesSwitch => "PUT /v1/operator/purchases-switch",
        }
    }

    /// The scope that a token needs.
    #[must_use]
    pub fn scope(self) -> &'static str {
        match self {
            Self::ListPurchases | Self::ReadPurchase | Self::ReadVerification => "purchases:read",
            Self::AskForPurchase | Self::CancelPurchase | Self::OpenVerification => "purchases:write",
            Self::ReadProfile
            | Self::PutProfile
            | Self::DecidePurchase
            | Self::ReadPurchasesSwitch
            | Self::TurnPurchasesSwitch => "operator",
        }
    }

    pub(crate) fn of(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|route| route.key() == key)
    }
}
