//! The functions of a schedule, over its ports: the very handlers that are deployed.

use persona_webhook::PersonaWebhook;
use purchase_check::PurchaseCheck;
use purchase_completion::{PurchaseCompletion, SwitchCache};
use sweeper::Sweeper;

use super::ports::Ports;
use crate::settings;

/// Every function.
#[derive(Debug)]
pub(super) struct Functions<'a> {
    pub(super) check: PurchaseCheck<Ports<'a>, Ports<'a>, Ports<'a>, Ports<'a>>,
    pub(super) webhook: PersonaWebhook<Ports<'a>, Ports<'a>, Ports<'a>, Ports<'a>>,
    pub(super) completion: PurchaseCompletion<Ports<'a>, Ports<'a>, Ports<'a>>,
    pub(super) sweeper: Sweeper<Ports<'a>, Ports<'a>, Ports<'a>, Ports<'a>, Ports<'a>>,
}

impl<'a> Functions<'a> {
    pub(super) fn over(ports: Ports<'a>) -> Self {
        let (store, queue, identity, ambient) = (ports, ports, ports, ports);
        Self {
            check: PurchaseCheck { store, queue, identity, ambient, settings: settings::check() },
            webhook: PersonaWebhook { store, queue, identity, ambient, settings: settings::webhook() },
            completion: PurchaseCompletion {
                store,
                carrier: ports,
                ambient,
                switch: SwitchCache::default(),
                settings: settings::completion(),
            },
            sweeper: Sweeper { store, queue, identity, names: ports, ambient, settings: settings::sweeper() },
        }
    }
}
