//! All functions over neighbours in memory, on one clock.

use adapters::ambient::Ambient;
use adapters::items::{
    Profile, StoredProfile, StoredVerification, is_pool, pool_from_item, purchase_from_item, verification_from_item,
    verification_to_item,
};
use adapters::persona::{Identity, WebhookSecret, sign};
use adapters::queue::{PurchaseMessage, Queue};
use adapters::store::{Condition, DUE_AT, Item, Key, SK, Store, Value as Attribute, Write};
use domain::{
    AccountSid, AgencyId, GatePolicy, Instant, NameMatchPolicy, Owner, Pool, Purchase, SubAccountId, TemplateId,
    Verification, VerificationPolicy, VerificationState,
};
use number_search::NumberSearch;
use persona_webhook::PersonaWebhook;
use purchase_check::{PurchaseCheck, Route};
use purchase_completion::{PurchaseCompletion, SwitchCache};
use serde_json::Value;
use sweeper::{Sweeper, Swept};

use crate::events::{Caller, ask_event, http_event, sqs_event, webhook_event};
use crate::logs;
use crate::memory_names::MemoryNames;
use crate::memory_table::MemoryTable;
use crate::neighbours::{MemoryCarrier, MemoryPersona, MemoryQueue, StillClock};
use crate::settings;
use crate::slow_ports::Stepped;
use crate::stepped::{self, Steps};

/// The template of every inquiry in the tests.
pub const TEMPLATE: &str = "itmpl_tests";
/// The webhook secret of the tests.
pub const SECRET: &str = "wbhsec_5f2c8e1a-7d40-4b96-93ce-0a61d7b2f384";
/// 2026-11-22T12:00:00Z, in milliseconds.
pub const START_MS: i64 = 1_795_348_800_000;

/// The neighbours. The functions borrow them, so that a test can look behind every one.
#[derive(Debug)]
pub struct Neighbours<'clock> {
    /// The clock.
    pub clock: &'clock StillClock,
    /// The table.
    pub table: MemoryTable,
    /// The queue.
    pub queue: MemoryQueue,
    /// Persona.
    pub persona: MemoryPersona,
    /// The carrier.
    pub carrier: MemoryCarrier<'clock>,
    /// Whose phone a number is.
    pub names: MemoryNames,
    /// What the platform asks for besides an ID.
    pub demands: Demands,
}

/// What a platform may ask for besides an ID: nothing, unless a test says otherwise.
#[derive(Debug, Clone, Copy, Default)]
pub struct Demands {
    /// Whether a purchase waits for an approved phone.
    pub phone: bool,
    /// Whether the name on the ID must be that of the phone's owner.
    pub name_match: NameMatchPolicy,
}

/// The neighbours of a fresh world, and an executor for its futures: nothing in memory ever waits.
pub fn world(clock: &StillClock) -> Neighbours<'_> {
    logs::install();
    Neighbours {
        clock,
        table: MemoryTable::default(),
        queue: MemoryQueue::default(),
        persona: MemoryPersona::default(),
        carrier: MemoryCarrier::new(clock),
        names: MemoryNames::default(),
        demands: Demands::default(),
    }
}

/// A clock at the start of every test.
pub fn clock() -> StillClock {
    StillClock::at(Instant::from_unix_ms(START_MS))
}

/// The account at the carrier.
pub fn account() -> AccountSid {
    AccountSid::parse("AC00000000000000000000000000000000").expect("is a word")
}

/// The template, parsed.
pub fn template() -> TemplateId {
    TemplateId::parse(TEMPLATE).expect("is a word")
}

/// The secret, parsed.
pub fn secret() -> WebhookSecret {
    WebhookSecret::parse(SECRET).expect("is a secret")
}

impl Neighbours<'_> {
    /// The time now.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Answers an event with `purchase-check`.
    pub fn check(&self, event: Value) -> Answer {
        self.check_with_template(event, TEMPLATE)
    }

    /// Answers an event with `purchase-check`, where inquiries are made from this template.
    pub fn check_with_template(&self, event: Value, template: &str) -> Answer {
        let template = TemplateId::parse(template).expect("is a word");
        let function = self.purchase_check(&self.table, &self.queue, &self.persona, template);
        Answer::of(futures::executor::block_on(function.handle(event)))
    }

    /// Answers an event with `purchase-check`, one call of a port with each poll: dropping it lets the function die
    /// between two calls.
    pub fn check_step_by_step(&self, event: Value) -> impl Future<Output = Answer> {
        let (table, queue) = (Stepped(&self.table), Stepped(&self.queue));
        let function = self.purchase_check(table, queue, Stepped(&self.persona), template());
        async move { Answer::of(function.handle(event).await) }
    }

    /// Answers an event with `purchase-check` over ports whose every call is a step.
    pub async fn check_stepped(&self, steps: &Steps, event: Value) -> Answer {
        let table = stepped::Stepped { port: &self.table, steps };
        let queue = stepped::Stepped { port: &self.queue, steps };
        let identity = stepped::Stepped { port: &self.persona, steps };
        Answer::of(self.purchase_check(table, queue, identity, template()).handle(event).await)
    }

    fn purchase_check<S: Store, Q: Queue, I: Identity>(
        &self,
        store: S,
        queue: Q,
        identity: I,
        template: TemplateId,
    ) -> PurchaseCheck<S, Q, I, &StillClock> {
        PurchaseCheck {
            store,
            queue,
            identity,
            ambient: self.clock,
            settings: purchase_check::Settings {
                template,
                policy: self.policy(),
                phone_required: self.demands.phone,
                ..settings::check()
            },
        }
    }

    /// Asks for a number as its own sub-account.
    pub fn ask(&self, sub_account: &str, key: &str, number: &str) -> Answer {
        self.check(ask_event(&Caller::sub_account(sub_account), sub_account, key, number))
    }

    /// Asks for numbers with this body, as its own sub-account.
    pub fn ask_for(&self, sub_account: &str, key: &str, body: &Value) -> Answer {
        let headers = [("Idempotency-Key", key)];
        let caller = Caller::sub_account(sub_account);
        let parameters = [("sub", sub_account)];
        self.check(http_event(Route::AskForPurchase.key(), &parameters, &headers, Some(&caller), &body.to_string()))
    }

    /// Reads a purchase as its own sub-account.
    pub fn read(&self, sub_account: &str, id: &str) -> Answer {
        self.follow(Route::ReadPurchase, sub_account, id)
    }

    /// Takes a purchase back as its own sub-account.
    pub fn cancel(&self, sub_account: &str, id: &str) -> Answer {
        self.follow(Route::CancelPurchase, sub_account, id)
    }

    fn follow(&self, route: Route, sub_account: &str, id: &str) -> Answer {
        let caller = Caller::sub_account(sub_account);
        self.check(http_event(route.key(), &[("sub", sub_account), ("id", id)], &[], Some(&caller), ""))
    }

    /// Lists purchases as their own sub-account, with this query.
    pub fn list(&self, sub_account: &str, query: &str) -> Answer {
        let caller = Caller::sub_account(sub_account);
        let mut event = http_event(Route::ListPurchases.key(), &[("sub", sub_account)], &[], Some(&caller), "");
        event["rawQueryString"] = Value::from(query);
        self.check(event)
    }

    /// Does something as an operator; `request` is a method and a path.
    pub fn operate(&self, request: &str, body: &Value) -> Answer {
        let of = |route: Route| {
            let parts = route.key().split('/').zip(request.split('/'));
            let same = route.key().split('/').count() == request.split('/').count()
                && parts.clone().all(|(wanted, given)| wanted == given || wanted.starts_with('{'));
            let named = parts.filter_map(|(wanted, given)| Some((wanted.strip_prefix('{')?.strip_suffix('}')?, given)));
            same.then(|| (route, named.collect::<Vec<_>>()))
        };
        let (route, parameters) = Route::ALL.into_iter().find_map(of).expect("is a route");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.check(http_event(route.key(), &parameters, &[], Some(&Caller::operator()), &body))
    }

    /// Answers an event with `number-search`.
    pub fn search(&self, event: Value) -> Answer {
        let function = NumberSearch { stock: &self.carrier, gate: GatePolicy::default() };
        Answer::of(futures::executor::block_on(function.handle(event)))
    }

    /// Answers an event with `persona-webhook`.
    pub fn webhook(&self, event: Value) -> Answer {
        let function = PersonaWebhook {
            store: &self.table,
            queue: &self.queue,
            identity: &self.persona,
            ambient: self.clock,
            secrets: settings::webhook_secrets(self.now()),
            settings: persona_webhook::Settings { policy: self.policy(), ..settings::webhook() },
        };
        Answer::of(futures::executor::block_on(function.handle(event)))
    }

    /// Delivers one of Persona's events, signed now.
    pub fn deliver(&self, body: &Value) -> Answer {
        let body = body.to_string();
        let signature = sign(&secret(), body.as_bytes(), self.now());
        self.webhook(webhook_event(&body, &signature))
    }

    /// Hands every waiting message to `purchase-completion`; how many failed.
    pub fn complete(&self) -> usize {
        let mut failed = 0;
        while let Some(message) = self.queue.pop() {
            failed += self.complete_event(sqs_event(&message));
        }
        failed
    }

    /// Hands a batch to `purchase-completion`; how many of it failed.
    pub fn complete_event(&self, event: aws_lambda_events::sqs::SqsEvent) -> usize {
        let function = PurchaseCompletion {
            store: &self.table,
            carrier: &self.carrier,
            ambient: self.clock,
            switch: SwitchCache::default(),
            settings: settings::completion(),
        };
        futures::executor::block_on(function.handle(event)).batch_item_failures.len()
    }

    /// Sweeps once.
    pub fn sweep(&self) -> Swept {
        let function = self.sweeper(&self.table, &self.persona);
        futures::executor::block_on(function.sweep()).expect("the table in memory answers")
    }

    /// The sweeper, over this table and Persona.
    pub fn sweeper<S: Store, I: Identity>(
        &self,
        store: S,
        identity: I,
    ) -> Sweeper<S, &MemoryQueue, I, &MemoryNames, &StillClock> {
        let settings = sweeper::Settings { policy: self.policy(), ..settings::sweeper() };
        Sweeper { store, queue: &self.queue, identity, names: &self.names, ambient: self.clock, settings }
    }

    fn policy(&self) -> VerificationPolicy {
        VerificationPolicy { name_match: self.demands.name_match, ..VerificationPolicy::default() }
    }

    /// A minute passes, then the sweep runs and every message is worked on: `minutes` times.
    pub fn minutes(&self, minutes: u32) {
        for _ in 0..minutes {
            self.clock.advance_s(60);
            self.sweep();
            self.complete();
        }
    }

    /// Stores a profile: the sub-account belongs to this agency.
    pub fn put_profile(&self, sub_account: &str, agency: &str) {
        let agency = Some(AgencyId::parse(agency).expect("is a word"));
        self.store_profile(sub_account, Profile { agency, ..Profile::default() });
    }

    /// Stores a profile behind everybody's back, whatever was there.
    pub fn store_profile(&self, sub_account: &str, profile: Profile) {
        let sub_account = SubAccountId::parse(sub_account).expect("is a word");
        let item = StoredProfile { profile, version: 1 }.to_item(&sub_account, None);
        let expect = Condition::Any(vec![Condition::ItemAbsent, Condition::ItemPresent]);
        futures::executor::block_on((&self.table).write(Write::Put { item, expect }))
            .expect("the table in memory answers");
    }

    /// Somebody writes something into an attribute of an item that nobody can read there.
    pub fn spoil(&self, key: Key, attribute: &'static str) {
        let set = vec![(attribute, Attribute::List(vec![Attribute::Bool(true)]))];
        let write = Write::Update { key, set, remove: vec![], expect: Condition::ItemPresent };
        futures::executor::block_on((&self.table).write(write)).expect("the item is there");
    }

    /// Stores what is known of an owner, due at `due_at`.
    pub fn put_verification(&self, owner: &Owner, verification: Verification, due_at: Option<Instant>) {
        let stored = StoredVerification { verification, opening: None, version: 1 };
        let item = verification_to_item(owner, &stored, due_at);
        let put = Write::Put { item, expect: Condition::Any(vec![Condition::ItemAbsent, Condition::ItemPresent]) };
        futures::executor::block_on((&self.table).write(put)).expect("the table in memory answers");
    }

    /// What is known of an owner.
    pub fn verification_of(&self, owner: &Owner) -> Verification {
        futures::executor::block_on(adapters::verifications::load(&&self.table, owner))
            .expect("the table in memory answers")
            .verification
    }

    /// Every number in the table, alone or in a pool.
    pub fn purchases(&self) -> Vec<Purchase> {
        let items = self.with_sk("P#").into_iter().filter(|item| !is_pool(item)).chain(self.with_sk("N#"));
        items.map(|item| purchase_from_item(&item).expect("is readable").0).collect()
    }

    /// The one pool in the table.
    pub fn pool(&self) -> Pool {
        let pools: Vec<Item> = self.with_sk("P#").into_iter().filter(is_pool).collect();
        assert_eq!(pools.len(), 1, "there is exactly one pool");
        pool_from_item(&pools[0]).expect("is readable").0
    }

    /// The one purchase in the table.
    pub fn purchase(&self) -> Purchase {
        let mut purchases = self.purchases();
        assert_eq!(purchases.len(), 1, "there is exactly one purchase");
        purchases.remove(0)
    }

    /// The one verification in the table.
    pub fn verification(&self) -> Verification {
        let items = self.with_sk("V");
        assert_eq!(items.len(), 1, "there is exactly one verification");
        verification_from_item(&items[0]).expect("is readable").verification
    }

    /// The keys of everything that is due, now or later.
    pub fn due(&self) -> Vec<Key> {
        let due = self.table.items().into_iter().filter(|item| item.contains_key(DUE_AT));
        due.map(|item| Key::of(&item).expect("has keys")).collect()
    }

    /// Every waiting message, in the order in which they were sent.
    pub fn take_messages(&self) -> Vec<PurchaseMessage> {
        let mut messages: Vec<PurchaseMessage> = std::iter::from_fn(|| self.queue.pop()).collect();
        messages.sort_by_key(|message| message.member);
        messages
    }

    /// Makes an agency verified, behind everybody's back.
    pub fn verify_agency(&self, agency: &str) {
        let owner = Owner::Agency(AgencyId::parse(agency).expect("is a word"));
        let state = VerificationState::Verified { at: self.now() };
        let verification = Verification { state, ..Verification::default() };
        let stored = StoredVerification { verification, version: 1, ..StoredVerification::default() };
        let item = verification_to_item(&owner, &stored, None);
        let write = Write::Put { item, expect: Condition::ItemAbsent };
        futures::executor::block_on((&self.table).write(write)).expect("the table in memory answers");
    }

    /// Every item whose sort key starts so.
    pub fn with_sk(&self, prefix: &str) -> Vec<Item> {
        let starts = |item: &Item| matches!(item.get(SK), Some(Attribute::S(sk)) if sk.starts_with(prefix));
        self.table.items().into_iter().filter(starts).collect()
    }
}

/// An answer of an HTTP function.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Its status.
    pub status: u64,
    /// Its headers.
    pub headers: Value,
    /// Its body; null when it has none.
    pub body: Value,
}

impl Answer {
    /// Reads what a function answered.
    pub fn of(event: Value) -> Self {
        let text = event["body"].as_str().unwrap_or_default();
        Self {
            status: event["statusCode"].as_u64().unwrap_or_default(),
            headers: event["headers"].clone(),
            body: serde_json::from_str(text).unwrap_or(Value::Null),
        }
    }

    /// The problem's type, without its path; empty when it is no problem.
    pub fn problem(&self) -> &str {
        self.body["type"].as_str().and_then(|kind| kind.strip_prefix("/problems/")).unwrap_or_default()
    }
}
