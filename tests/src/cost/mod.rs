//! What the handlers cost, counted at their ports: the table's capacity units, and the calls that one of them makes one
//! after the other.

pub mod drain;
mod flows;
mod port;
mod units;

use std::fmt;
use std::ops::AddAssign;
use std::sync::Mutex;

use adapters::items::keys::{VERIFICATION_SK, callers_allowance};
use adapters::persona::WebhookSecret;
use adapters::store::Key;
use domain::{MessagePrices, PhonePolicy, PhonePreset};
use persona_webhook::PersonaWebhook;
use phone_verification::PhoneVerification;
use purchase_check::PurchaseCheck;
use purchase_completion::{PurchaseCompletion, SwitchCache};
use sweeper::Sweeper;

pub use flows::{Flows, Step, sum};
pub use port::Port;

use crate::locked;
use crate::memory_names::MemoryNames;
use crate::memory_table::MemoryTable;
use crate::neighbours::{MemoryCarrier, MemoryPersona, MemoryQueue, StillClock};
use crate::phone::{MemoryLookup, MemoryPasscodes};
use crate::settings;
use crate::timeline::Timeline;
use crate::world::Neighbours;

/// How long calls take, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Latencies {
    /// One request to the table.
    pub table_ms: i64,
    /// Sending messages.
    pub queue_ms: i64,
    /// One request to Persona.
    pub persona_ms: i64,
    /// Reading at the carrier.
    pub carrier_read_ms: i64,
    /// Buying or giving back.
    pub carrier_write_ms: i64,
}

impl Latencies {
    /// Every call takes one: the time that passes is the number of calls one after the other.
    pub const ONE: Self = Self { table_ms: 1, queue_ms: 1, persona_ms: 1, carrier_read_ms: 1, carrier_write_ms: 1 };
}

/// Capacity units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Units {
    /// Write units.
    pub write: u64,
    /// Half read units: a strongly consistent one is two.
    pub read_halves: u64,
}

impl AddAssign for Units {
    fn add_assign(&mut self, other: Self) {
        self.write += other.write;
        self.read_halves += other.read_halves;
    }
}

impl fmt::Display for Units {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let half = if self.read_halves.is_multiple_of(2) { "" } else { ".5" };
        formatter.pad(&format!("{} write {}{half} read", self.write, self.read_halves / 2))
    }
}

/// What was spent on what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// On purchases, with their locks, pointers and profiles; or on passcodes, where the flow is one of theirs.
    pub purchase: Units,
    /// On verifications, with their audit, inquiry maps and requests to Persona.
    pub verification: Units,
}

/// Counts what is spent. A request is about what the first item that it names is about: a change of a verification names
/// it first, and its audit entry and inquiry map after it.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<Spent>);

impl Ledger {
    /// What was spent since this was last asked.
    pub fn take(&self) -> Spent {
        std::mem::take(&mut *locked(&self.0))
    }

    fn wrote(&self, first: &Key, write: u64) {
        self.spend(first, Units { write, read_halves: 0 });
    }

    fn read(&self, first: &Key, read_halves: u64) {
        self.spend(first, Units { write: 0, read_halves });
    }

    fn spend(&self, first: &Key, units: Units) {
        let mut spent = locked(&self.0);
        let of_verification = first.sk == VERIFICATION_SK || first.sk == "INQUIRY" || *first == callers_allowance();
        if of_verification {
            spent.verification += units;
        } else {
            spent.purchase += units;
        }
    }
}

/// A world whose calls take time and are counted.
#[derive(Debug)]
pub struct Counted<'w> {
    world: &'w Neighbours<'w>,
    timeline: Timeline<'w>,
    ledger: Ledger,
    latencies: Latencies,
}

impl<'w> Counted<'w> {
    /// Counts this world.
    pub fn new(world: &'w Neighbours<'w>, latencies: Latencies) -> Self {
        Self { world, timeline: Timeline::new(world.clock), ledger: Ledger::default(), latencies }
    }

    fn port<P>(&self, inner: P) -> Port<'_, P> {
        Port { inner, timeline: &self.timeline, ledger: &self.ledger, latencies: &self.latencies }
    }

    fn check(
        &self,
    ) -> PurchaseCheck<Port<'_, &MemoryTable>, Port<'_, &MemoryQueue>, Port<'_, &MemoryPersona>, &StillClock> {
        PurchaseCheck {
            store: self.port(&self.world.table),
            queue: self.port(&self.world.queue),
            identity: self.port(&self.world.persona),
            ambient: self.world.clock,
            settings: settings::check(),
        }
    }

    fn webhook(
        &self,
    ) -> PersonaWebhook<
        Port<'_, &MemoryTable>,
        Port<'_, &MemoryQueue>,
        Port<'_, &MemoryPersona>,
        &StillClock,
        Vec<WebhookSecret>,
    > {
        PersonaWebhook {
            store: self.port(&self.world.table),
            queue: self.port(&self.world.queue),
            identity: self.port(&self.world.persona),
            ambient: self.world.clock,
            secrets: settings::webhook_secrets(self.world.now()),
            settings: settings::webhook(),
        }
    }

    fn completion(&self) -> PurchaseCompletion<Port<'_, &MemoryTable>, Port<'_, &MemoryCarrier<'w>>, &StillClock> {
        PurchaseCompletion {
            store: self.port(&self.world.table),
            carrier: self.port(&self.world.carrier),
            ambient: self.world.clock,
            switch: SwitchCache::default(),
            settings: settings::completion(),
        }
    }

    /// Under `balanced`. Lookup and Verify take no time: what is counted is the table.
    fn phones<'a>(
        &'a self,
        lookup: &'a MemoryLookup,
        passcodes: &'a MemoryPasscodes<'w>,
    ) -> PhoneVerification<
        Port<'a, &'a MemoryTable>,
        Port<'a, &'a MemoryQueue>,
        &'a MemoryLookup,
        &'a MemoryPasscodes<'w>,
        &'a StillClock,
    > {
        PhoneVerification {
            store: self.port(&self.world.table),
            queue: self.port(&self.world.queue),
            lookup,
            passcodes,
            ambient: self.world.clock,
            settings: phone_verification::Settings {
                policy: PhonePolicy::of(PhonePreset::Balanced),
                prices: MessagePrices::default(),
            },
        }
    }

    fn sweeper(
        &self,
    ) -> Sweeper<Port<'_, &MemoryTable>, Port<'_, &MemoryQueue>, Port<'_, &MemoryPersona>, &MemoryNames, &StillClock>
    {
        Sweeper {
            store: self.port(&self.world.table),
            queue: self.port(&self.world.queue),
            identity: self.port(&self.world.persona),
            names: &self.world.names,
            ambient: self.world.clock,
            settings: settings::sweeper(),
        }
    }
}
