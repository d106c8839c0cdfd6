//! What may need a verified owner.

/// An action that may need a verified owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Buying one number.
    PhoneNumberPurchase,
    /// Buying a pool of numbers.
    NumberPoolPurchase,
    /// Registering a brand for A2P 10DLC.
    A2pBrandRegistration,
    /// Verifying a toll-free number for messages.
    TollFreeVerification,
    /// Registering a caller's name.
    CnamRegistration,
    /// Registering for signed calls.
    ShakenStirRegistration,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 6] = [
        Self::PhoneNumberPurchase,
        Self::NumberPoolPurchase,
        Self::A2pBrandRegistration,
        Self::TollFreeVerification,
        Self::CnamRegistration,
        Self::ShakenStirRegistration,
    ];

    /// Whether numbers are bought by it: then the number's region may open the gate, and a phone may be asked for. The
    /// others are about messages and calls in the United States, wherever the number is.
    #[must_use]
    pub const fn buys_numbers(self) -> bool {
        match self {
            Self::PhoneNumberPurchase | Self::NumberPoolPurchase => true,
            Self::A2pBrandRegistration
            | Self::TollFreeVerification
            | Self::CnamRegistration
            | Self::ShakenStirRegistration => false,
        }
    }

    const fn bit(self) -> u8 {
        1 << match self {
            Self::PhoneNumberPurchase => 0,
            Self::NumberPoolPurchase => 1,
            Self::A2pBrandRegistration => 2,
            Self::TollFreeVerification => 3,
            Self::CnamRegistration => 4,
            Self::ShakenStirRegistration => 5,
        }
    }
}

/// The actions that need a verified owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GatedActions(u8);

impl GatedActions {
    /// These actions.
    #[must_use]
    pub fn of(actions: &[Action]) -> Self {
        Self(actions.iter().fold(0, |bits, action| bits | action.bit()))
    }

    /// Whether the action is one of them.
    #[must_use]
    pub const fn contains(self, action: Action) -> bool {
        self.0 & action.bit() != 0
    }
}

impl Default for GatedActions {
    fn default() -> Self {
        Self::of(&Action::ALL)
    }
}
