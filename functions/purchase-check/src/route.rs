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
    /// Ask Persona now how far the verification is.
    RefreshVerification,
    /// See how far an agency's verification is.
    ReadAgencyVerification,
    /// Start or resume an agency's verification.
    OpenAgencyVerification,
    /// Ask Persona now how far an agency's verification is.
    RefreshAgencyVerification,
    /// Ask whether the sub-account may do something.
    AskForClearance,
    /// Decide about a sub-account's verification.
    OperateVerification,
    /// Decide about an agency's verification.
    OperateAgencyVerification,
    /// Forget a sub-account's verification.
    EraseVerification,
    /// Forget an agency's verification.
    EraseAgencyVerification,
    /// Read how a sub-account's verification came to be what it is.
    ReadAudit,
    /// Read how an agency's verification came to be what it is.
    ReadAgencyAudit,
}

impl Route {
    /// Every route: what the template must have, and what tests go through.
    pub const ALL: [Self; 22] = [
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
        Self::RefreshVerification,
        Self::ReadAgencyVerification,
        Self::OpenAgencyVerification,
        Self::RefreshAgencyVerification,
        Self::AskForClearance,
        Self::OperateVerification,
        Self::OperateAgencyVerification,
        Self::EraseVerification,
        Self::EraseAgencyVerification,
        Self::ReadAudit,
        Self::ReadAgencyAudit,
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
            Self::RefreshVerification => "POST /v1/sub-accounts/{sub}/verification/refresh",
            Self::ReadAgencyVerification => "GET /v1/agencies/{agency}/verification",
            Self::OpenAgencyVerification => "POST /v1/agencies/{agency}/verification",
            Self::RefreshAgencyVerification => "POST /v1/agencies/{agency}/verification/refresh",
            Self::AskForClearance => "POST /v1/sub-accounts/{sub}/clearances",
            Self::OperateVerification => "POST /v1/operator/sub-accounts/{sub}/verification",
            Self::OperateAgencyVerification => "POST /v1/operator/agencies/{agency}/verification",
            Self::EraseVerification => "DELETE /v1/operator/sub-accounts/{sub}/verification",
            Self::EraseAgencyVerification => "DELETE /v1/operator/agencies/{agency}/verification",
            Self::ReadAudit => "GET /v1/operator/sub-accounts/{sub}/audit",
            Self::ReadAgencyAudit => "GET /v1/operator/agencies/{agency}/audit",
        }
    }

    /// The scope that a token needs.
    #[must_use]
    pub fn scope(self) -> &'static str {
        match self {
            Self::ListPurchases
            | Self::ReadPurchase
            | Self::ReadVerification
            | Self::ReadAgencyVerification
            | Self::AskForClearance => "purchases:read",
            Self::AskForPurchase
            | Self::CancelPurchase
            | Self::OpenVerification
            | Self::RefreshVerification
            | Self::OpenAgencyVerification
            | Self::RefreshAgencyVerification => "purchases:write",
            Self::ReadProfile
            | Self::PutProfile
            | Self::DecidePurchase
            | Self::ReadPurchasesSwitch
            | Self::TurnPurchasesSwitch
            | Self::OperateVerification
            | Self::OperateAgencyVerification
            | Self::EraseVerification
            | Self::EraseAgencyVerification
            | Self::ReadAudit
            | Self::ReadAgencyAudit => "operator",
        }
    }

    /// Whether its path names an agency.
    pub(crate) fn is_of_agency(self) -> bool {
        self.key().contains("/{agency}/")
    }

    pub(crate) fn of(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|route| route.key() == key)
    }
}
