//! Every way into the functions, with markers wherever a stranger could put something: all routes with all bodies, all
//! events of Persona in all forms, messages, sweeps; with vendors that refuse and echo, and a table that fails and
//! panics. A new route is walked without a change here; give it a body in `requests.rs` that it understands.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use adapters::config::BaseUrl;
use adapters::name_match::IdAgainstPhone;
use adapters::persona::{PersonaClient, PersonaSettings, sign};
use adapters::store::{Condition, Item, Key, Page, Query, Store, StoreError, TransactError, Write, WriteError};
use adapters::twilio::{
    LookupClient, RATE_LIMIT_NAMES, TwilioAccess, TwilioClient, TwilioSettings, VerifyClient, VerifySettings,
};
use adapters::verifications::Revisits;
use domain::{
    Allowance, GatePolicy, MessagePrices, NameMatchPolicy, PhonePolicy, PhonePreset, Timing, VerificationPolicy,
};
use number_search::NumberSearch;
use persona_webhook::PersonaWebhook;
use phone_verification::PhoneVerification;
use purchase_check::PurchaseCheck;
use purchase_completion::{PurchaseCompletion, SwitchCache};
use serde_json::{Value, json};
use sweeper::Sweeper;
use tests::events::{sqs_event, sqs_event_of, webhook_event};
use tests::memory_table::MemoryTable;
use tests::neighbours::StillClock;
use tests::settings;
use tests::world::{account, clock, secret, template};
use tokio::runtime::Runtime;

use crate::markers::{ONE_TIME_LINK, SESSION_TOKEN, fields, marker, members};
use crate::requests::{delivery, requests};
use crate::sinks::Sinks;
use crate::there::one_for_whom_nothing_waits;
use crate::vendor::{MOODS, Mood, Vendor};

/// The functions that are walked, as their folders are called: a test compares them with what is there.
pub(crate) const FUNCTIONS: [&str; 6] =
    ["number-search", "persona-webhook", "phone-verification", "purchase-check", "purchase-completion", "sweeper"];

/// The two kinds of answer that carry a session, for its token and link alone.
const WITH_A_SESSION: [&str; 3] = [
    "POST /v1/sub-accounts/{sub}/purchases",
    "POST /v1/sub-accounts/{sub}/verification",
    "POST /v1/agencies/{agency}/verification",
];

/// How the table behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TableMood {
    Good,
    Fails,
    Panics,
}

/// A table that answers so many calls, and then no longer.
struct Fragile<'a> {
    table: &'a MemoryTable,
    mood: Mutex<TableMood>,
    calls_left: AtomicI64,
}

impl Fragile<'_> {
    fn set(&self, mood: TableMood, calls: i64) {
        *self.mood.lock().expect("is not held") = mood;
        self.calls_left.store(calls, Ordering::SeqCst);
    }

    fn call(&self) -> Result<(), StoreError> {
        let mood = *self.mood.lock().expect("is not held");
        if mood == TableMood::Good || self.calls_left.fetch_sub(1, Ordering::SeqCst) > 0 {
            return Ok(());
        }
        assert!(mood == TableMood::Fails, "the table's client has a bug");
        Err(StoreError::Unavailable("injected".to_owned()))
    }
}

impl Store for &Fragile<'_> {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.call()?;
        self.table.get(key).await
    }

    async fn write(&self, write: Write) -> Result<(), WriteError> {
        self.call()?;
        self.table.write(write).await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), TransactError> {
        self.call()?;
        self.table.transact(writes).await
    }

    async fn query(&self, query: Query) -> Result<Page, StoreError> {
        self.call()?;
        self.table.query(query).await
    }
}

/// The functions over the sinks, with the clients that are deployed.
pub(crate) struct Walk<'a> {
    sinks: &'a Sinks,
    runtime: &'a Runtime,
    clock: &'a StillClock,
    vendor: Vendor,
    persona: PersonaClient,
    carrier: TwilioClient,
    lookup: LookupClient,
    passcodes: VerifyClient,
    table: Fragile<'a>,
    /// How each route was answered, by status.
    answered: Mutex<BTreeMap<String, BTreeSet<u64>>>,
    sessions: Mutex<usize>,
}

/// What was walked.
pub(crate) struct Walked {
    /// How each route was answered, by status.
    pub(crate) routes: BTreeMap<String, BTreeSet<u64>>,
    /// Sessions that were handed out.
    pub(crate) sessions: usize,
    /// Every request line that a vendor got.
    pub(crate) asked: Vec<String>,
}

/// Walks all ways.
pub(crate) fn walk(sinks: &Sinks) -> Walked {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let clock = clock();
    let vendor = runtime.block_on(Vendor::start());
    let walk = Walk {
        sinks,
        clock: &clock,
        persona: persona(&vendor),
        carrier: carrier(&vendor),
        lookup: LookupClient::new(access(&vendor)).expect("a client"),
        passcodes: passcodes(&vendor),
        vendor,
        runtime: &runtime,
        table: Fragile { table: &sinks.table, mood: Mutex::new(TableMood::Good), calls_left: AtomicI64::new(0) },
        answered: Mutex::default(),
        sessions: Mutex::default(),
    };
    let tables = [0, 1, 2, 4].into_iter().flat_map(|calls| [(TableMood::Fails, calls), (TableMood::Panics, calls)]);
    for (table, calls) in std::iter::once((TableMood::Good, 0)).chain(tables) {
        let moods = if table == TableMood::Good { &MOODS[..] } else { &[Mood::Good] };
        for mood in moods {
            walk.vendor.set(*mood);
            walk.table.set(table, calls);
            walk.routes(table == TableMood::Good && *mood == Mood::Good);
            walk.searches();
            walk.table.set(table, calls);
            walk.events();
            walk.table.set(table, calls);
            walk.the_rest();
        }
    }
    let asked = walk.vendor.asked();
    Walked {
        routes: walk.answered.into_inner().expect("is not held"),
        sessions: walk.sessions.into_inner().expect("is not held"),
        asked,
    }
}

/// Names are compared, so that those on the ID pass through.
fn verification_policy() -> VerificationPolicy {
    VerificationPolicy { name_match: NameMatchPolicy::Require, ..VerificationPolicy::default() }
}

fn revisits() -> Revisits {
    Revisits { poll_age_ms: 120_000, step_ms: 60_000 }
}

fn address(vendor: &Vendor, path: &str) -> BaseUrl {
    BaseUrl::parse(&format!("{}{path}", vendor.url)).expect("plain http to this machine is allowed")
}

fn access(vendor: &Vendor) -> TwilioAccess {
    TwilioAccess {
        base_url: address(vendor, ""),
        user: "SK00000000000000000000000000000001".to_owned(),
        password: "secret-of-the-key".to_owned().into(),
        timeout_ms: 20_000,
    }
}

fn passcodes(vendor: &Vendor) -> VerifyClient {
    let settings = VerifySettings {
        twilio: access(vendor),
        service: "VA00000000000000000000000000000001".to_owned(),
        rate_limits: RATE_LIMIT_NAMES.to_vec(),
    };
    VerifyClient::new(settings).expect("a client")
}

fn carrier(vendor: &Vendor) -> TwilioClient {
    let settings = TwilioSettings {
        base_url: address(vendor, ""),
        account: account(),
        user: account().to_string(),
        password: "token-of-the-account".to_owned().into(),
        timeout_ms: 20_000,
    };
    TwilioClient::new(settings).expect("a client")
}

fn persona(vendor: &Vendor) -> PersonaClient {
    let settings = PersonaSettings {
        base_url: address(vendor, "/api/v1"),
        api_key: "persona_sandbox_canaries".to_owned().into(),
        template: template(),
        timeout_ms: 20_000,
    };
    PersonaClient::new(settings).expect("a client")
}

impl Walk<'_> {
    /// Runs a function, keeps what it answers or panics with; the answer.
    fn ran(&self, function: impl Future<Output = Value>) -> Value {
        let answer = self.sinks.guarded(|| self.runtime.block_on(function));
        self.clock.advance_s(1);
        answer.unwrap_or(Value::Null)
    }

    /// Keeps an answer of an HTTP function, without the token that it may carry.
    fn keep(&self, route: &str, mut answer: Value) {
        if let Some(status) = answer["statusCode"].as_u64() {
            let mut answered = self.answered.lock().expect("is not held");
            answered.entry(route.to_owned()).or_default().insert(status);
        }
        if WITH_A_SESSION.contains(&route) {
            let body = answer["body"].as_str().unwrap_or_default();
            if let Ok(mut body) = serde_json::from_str::<Value>(body) {
                let mut handed_out = 0;
                for place in ["", "/verification"] {
                    let Some(members) = body.pointer_mut(place).and_then(Value::as_object_mut) else { continue };
                    for (name, value) in [("session_token", SESSION_TOKEN), ("one_time_link", ONE_TIME_LINK)] {
                        if members.get(name).is_some_and(|own| own == value) {
                            members.remove(name);
                            handed_out += 1;
                        }
                    }
                }
                *self.sessions.lock().expect("is not held") += usize::from(handed_out > 0);
                answer["body"] = json!(body.to_string());
            }
        }
        self.sinks.answered(answer.to_string());
    }

    /// Every other request is about something that is there, if its path names something.
    fn name_what_is_there(&self, event: &mut Value, prefix: &str, number: usize) {
        let named = event.pointer_mut("/pathParameters/id");
        let Some(named) = named.filter(|_| number.is_multiple_of(2)) else { return };
        let keys = self.sinks.table.items().into_iter().filter_map(|item| Key::of(&item).ok());
        if let Some(id) = keys.filter_map(|key| Some(key.sk.strip_prefix(prefix)?.to_owned())).next() {
            *named = json!(id);
        }
    }

    /// Every route of every HTTP function, with every body.
    fn routes(&self, thorough: bool) {
        self.put_one_for_whom_nothing_waits();
        for (round, route) in purchase_check::Route::ALL.into_iter().enumerate() {
            let requests = requests(route.key(), route.scope(), round, thorough);
            for (number, mut event) in requests.into_iter().enumerate() {
                self.name_what_is_there(&mut event, "P#", number);
                let mood = *self.table.mood.lock().expect("is not held");
                self.table.set(mood, i64::try_from(number % 8).unwrap_or(0));
                let function = PurchaseCheck {
                    store: &self.table,
                    queue: &self.sinks.queue,
                    identity: self.persona.clone(),
                    ambient: self.clock,
                    settings: purchase_check::Settings {
                        gate: GatePolicy::default(),
                        policy: verification_policy(),
                        phone_required: true,
                        revisits: revisits(),
                        purchase_wait_ms: 3_600_000,
                        template: template(),
                        callers_allowance: Allowance::of_any_minute(60_000_000),
                    },
                };
                self.keep(route.key(), self.ran(function.handle(event)));
            }
        }
        for route in phone_verification::Route::ALL {
            for (number, mut event) in requests(route.key(), route.scope(), 0, thorough).into_iter().enumerate() {
                self.name_what_is_there(&mut event, "PHV#", number);
                let function = PhoneVerification {
                    store: &self.table,
                    queue: &self.sinks.queue,
                    lookup: self.lookup.clone(),
                    passcodes: self.passcodes.clone(),
                    ambient: self.clock,
                    settings: phone_verification::Settings {
                        policy: PhonePolicy { required_for_purchases: true, ..PhonePolicy::of(PhonePreset::Balanced) },
                        prices: MessagePrices::default(),
                    },
                };
                self.keep(route.key(), self.ran(function.handle(event)));
            }
        }
    }

    /// The carrier's stock, asked for rightly and with markers.
    fn searches(&self) {
        for query in ["country=US&area_code=212", "country=US&contains=QA13", "country=GB&type=mobile"] {
            for event in requests(number_search::ROUTE, number_search::SCOPE, 0, true).into_iter().rev().take(3) {
                for query in [query.to_owned(), format!("{query}&name={}", marker("query-fields"))] {
                    let mut event = event.clone();
                    event["rawQueryString"] = json!(query);
                    let function = NumberSearch { stock: self.carrier.clone(), gate: GatePolicy::default() };
                    self.keep(number_search::ROUTE, self.ran(function.handle(event)));
                }
            }
        }
    }

    /// Every event and status, in both generations, fresh, old, forged, and broken off.
    fn events(&self) {
        let inquiries: Vec<String> = self
            .sinks
            .table
            .items()
            .iter()
            .filter_map(|item| match Key::of(item) {
                Ok(key) => key.pk.strip_prefix("I#").map(str::to_owned),
                Err(_) => None,
            })
            .chain(["inq_of_nobody".to_owned()])
            .collect();
        let told = [
            ("inquiry.created", "created"),
            ("inquiry.started", "pending"),
            ("inquiry.completed", "completed"),
            ("inquiry.failed", "failed"),
            ("inquiry.expired", "expired"),
            ("inquiry.marked-for-review", "needs_review"),
            ("inquiry.declined", "declined"),
            ("inquiry.approved", "approved"),
            ("inquiry.transitioned", "pending"),
            ("inquiry.redacted", "approved"),
            ("verification.passed", "passed"),
            (marker("name-last"), "approved"),
            ("inquiry.approved", marker("birthdate")),
        ];
        for inquiry in &inquiries {
            for (name, status) in told {
                let body = delivery(name, status, inquiry, &adapters::rfc3339(self.now())).to_string();
                let broken = body[..body.len() / 2].to_owned();
                for (body, age_s) in [(&body, 0), (&body, 301), (&broken, 0)] {
                    let right = sign(&secret(), body.as_bytes(), self.now().plus_ms(-age_s * 1000));
                    self.deliver(webhook_event(body, &right));
                }
                let forged = format!("t={},v1={}", self.now().unix_ms() / 1000, marker("bearer-token"));
                self.deliver(webhook_event(&body, &forged));
            }
        }
        // What is not what it should be: errors of parsers like to quote.
        for pointer in [
            "/data/id",
            "/data/attributes/name",
            "/data/attributes/created-at",
            "/data/attributes/payload",
            "/data/attributes/payload/data",
            "/data/attributes/payload/data/type",
            "/data/attributes/payload/data/attributes",
            "/data/attributes/payload/data/attributes/status",
            "/data/attributes/payload/data/relationships",
            "/data/attributes/payload/data/relationships/inquiry-template/data/id",
        ] {
            for value in [json!(marker("address-street-1")), json!([marker("ocr-text")]), fields()] {
                let mut body = delivery("inquiry.approved", "approved", "inq_1", "2026-11-22T12:00:00.000Z");
                *body.pointer_mut(pointer).expect("is there") = value;
                let body = body.to_string();
                self.deliver(webhook_event(&body, &sign(&secret(), body.as_bytes(), self.now())));
            }
        }
    }

    fn now(&self) -> domain::Instant {
        adapters::ambient::Ambient::now(&self.clock)
    }

    fn deliver(&self, event: Value) {
        let function = PersonaWebhook {
            store: &self.table,
            queue: &self.sinks.queue,
            identity: self.persona.clone(),
            ambient: self.clock,
            secrets: settings::webhook_secrets(self.now()),
            settings: persona_webhook::Settings { policy: verification_policy(), ..settings::webhook() },
        };
        self.keep(persona_webhook::ROUTE, self.ran(function.handle(event)));
    }

    /// Puts what no request makes: somebody for whom nothing waits.
    fn put_one_for_whom_nothing_waits(&self) {
        for item in one_for_whom_nothing_waits(self.now()) {
            let expect = Condition::Any(vec![Condition::ItemAbsent, Condition::ItemPresent]);
            let written = self.runtime.block_on((&self.sinks.table).write(Write::Put { item, expect }));
            written.expect("the table in memory answers");
        }
    }

    /// The functions behind the queue and the schedule.
    fn the_rest(&self) {
        let sweeper = Sweeper {
            store: &self.table,
            queue: &self.sinks.queue,
            identity: self.persona.clone(),
            names: IdAgainstPhone { ids: self.persona.clone(), lookup: self.lookup.clone() },
            ambient: self.clock,
            settings: sweeper::Settings {
                policy: verification_policy(),
                revisits: revisits(),
                timing: Timing::default(),
            },
        };
        self.put_one_for_whom_nothing_waits();
        self.clock.advance_s(180);
        let swept = self.ran(async {
            match sweeper.sweep().await {
                Ok(swept) => json!(swept),
                // The runtime answers an error with its text.
                Err(error) => json!(error.to_string()),
            }
        });
        self.sinks.answered(swept.to_string());
        let completion = PurchaseCompletion {
            store: &self.table,
            carrier: self.carrier.clone(),
            ambient: self.clock,
            switch: SwitchCache::default(),
            settings: purchase_completion::Settings {
                account: account(),
                gate: GatePolicy::default(),
                timing: Timing::default(),
                carrier_timeout_ms: 10_000,
                step_ms: 60_000,
            },
        };
        let strange = [Value::Object(members()).to_string(), marker("ocr-text").to_owned()];
        let mut batches: Vec<_> = strange.iter().map(|text| sqs_event_of(text)).collect();
        while let Some(message) = self.sinks.take_message() {
            batches.push(sqs_event(&message));
        }
        for batch in batches {
            let answer = self.ran(async { json!(completion.handle(batch).await) });
            self.sinks.answered(answer.to_string());
        }
    }
}
