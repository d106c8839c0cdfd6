//! Names of the actions that may need a verified owner, in the contract and in the settings.

use domain::Action;

use super::names;

names!(
    /// An action's name.
    pub action_name, name_to_action, Action, {
        Action::PhoneNumberPurchase => "phone_number_purchase" => Action::PhoneNumberPurchase,
        Action::NumberPoolPurchase => "number_pool_purchase" => Action::NumberPoolPurchase,
        Action::A2pBrandRegistration => "a2p_brand_registration" => Action::A2pBrandRegistration,
        Action::TollFreeVerification => "toll_free_verification" => Action::TollFreeVerification,
        Action::CnamRegistration => "cnam_registration" => Action::CnamRegistration,
        Action::ShakenStirRegistration => "shaken_stir_registration" => Action::ShakenStirRegistration,
    }
);

/// The action of this name.
#[must_use]
pub fn action_of(name: &str) -> Option<Action> {
    name_to_action(name)
}
