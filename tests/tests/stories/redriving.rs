//! Dead letters go back: `dialgate redrive` over the table in memory and a double of SQS on loopback.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use adapters::items::keys;
use adapters::queue::PurchaseMessage;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use domain::{PurchaseId, SubAccountId};
use local::redrive::{Fate, Filter, Letter, Manner, Queues, redrive};
use serde_json::{Value, json};
use tests::stepped::{Stepped, Steps};
use tests::world::{Neighbours, clock, world};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::{NOT_GATED, SUB};

/// Letters of one receipt (Amazon SQS, "ReceiveMessage").
const BATCH: usize = 10;
/// Nothing is changed.
const DRY: Manner = Manner { dry_run: true, drop_unreadable: false };
/// What goes back goes back.
const WET: Manner = Manner { dry_run: false, drop_unreadable: false };

/// Both queues of a stack.
#[derive(Debug, Default)]
struct Sqs {
    dead: Vec<Dead>,
    /// What was sent to the purchase queue.
    sent: Vec<String>,
}

#[derive(Debug)]
struct Dead {
    id: String,
    text: String,
    sent_at_ms: i64,
    hidden: bool,
}

impl Sqs {
    /// Does what one request asks for, in SQS's JSON protocol.
    fn answer(&mut self, operation: &str, request: &Value) -> Value {
        let named = |dead: &Dead| request["ReceiptHandle"] == dead.id.as_str();
        match operation {
            "ReceiveMessage" => {
                let visible = self.dead.iter_mut().filter(|dead| !dead.hidden).take(BATCH).map(|dead| {
                    dead.hidden = true;
                    json!({
                        "MessageId": dead.id, "ReceiptHandle": dead.id, "Body": dead.text,
                        "Attributes": {"SentTimestamp": dead.sent_at_ms.to_string()},
                    })
                });
                json!({"Messages": visible.collect::<Vec<_>>()})
            }
            "SendMessage" => {
                self.sent.push(request["MessageBody"].as_str().expect("has a text").to_owned());
                json!({"MessageId": "sent"})
            }
            "DeleteMessage" => {
                self.dead.retain(|dead| !named(dead));
                json!({})
            }
            "ChangeMessageVisibility" => {
                self.dead.iter_mut().filter(|dead| named(dead)).for_each(|dead| dead.hidden = false);
                json!({})
            }
            other => panic!("nobody does {other} here"),
        }
    }
}

/// The double, until it is dropped.
struct Double {
    sqs: Arc<Mutex<Sqs>>,
    queues: Queues,
    _tasks: JoinSet<()>,
}

impl Double {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound port has an address"));
        let sqs = Arc::new(Mutex::new(Sqs::default()));
        let router = axum::Router::new().route("/", post(answer)).with_state(Arc::clone(&sqs));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
            .endpoint_url(&url);
        let queues = Queues {
            client: Client::from_conf(config.build()),
            purchase_queue_url: format!("{url}/purchases"),
            dead_letter_queue_url: format!("{url}/dead"),
        };
        Self { sqs, queues, _tasks: tasks }
    }

    /// A message that was sent now came to nothing.
    fn bury(&self, world: &Neighbours<'_>, text: &str) {
        let mut sqs = self.sqs();
        let id = format!("letter-{}", sqs.dead.len());
        sqs.dead.push(Dead { id, text: text.to_owned(), sent_at_ms: world.now().unix_ms(), hidden: false });
    }

    /// Redrives; each letter as it was told, by its purchase or else by its id.
    async fn redrive(&self, world: &Neighbours<'_>, filter: &Filter, manner: Manner) -> BTreeMap<String, Letter> {
        let mut told = BTreeMap::new();
        let table = &world.table;
        let letters = redrive(&table, &self.queues, filter, manner, world.now(), |letter| {
            let name = letter.message.as_ref().map_or(letter.message_id.clone(), |message| message.id.to_string());
            told.insert(name, letter.clone());
        });
        let letters = letters.await.expect("everybody answers");
        assert_eq!(letters.len(), told.len(), "each is told");
        assert!(self.sqs().dead.iter().all(|dead| !dead.hidden), "what stays is there for the next one at once");
        told
    }

    fn sqs(&self) -> MutexGuard<'_, Sqs> {
        self.sqs.lock().expect("nobody panics with the lock")
    }

    /// How many messages were sent to the purchase queue, and how many letters there are.
    fn counts(&self) -> (usize, usize) {
        let sqs = self.sqs();
        (sqs.sent.len(), sqs.dead.len())
    }
}

async fn answer(State(sqs): State<Arc<Mutex<Sqs>>>, headers: HeaderMap, body: String) -> String {
    let target = headers["x-amz-target"].to_str().expect("is text");
    let operation = target.strip_prefix("AmazonSQS.").expect("is of SQS");
    let request = serde_json::from_str(&body).expect("is JSON");
    sqs.lock().expect("nobody panics with the lock").answer(operation, &request).to_string()
}

/// Asks for a number, whose message is lost; the purchase and its message.
fn forgotten(world: &Neighbours<'_>, key: &str, number: &str) -> (PurchaseId, String) {
    world.ask(SUB, key, number);
    let message: PurchaseMessage = world.queue.pop().expect("was sent");
    (message.id.clone(), message.to_text())
}

/// A purchase whose item somebody spoiled stops nobody else's letter, and keeps its own.
#[tokio::test]
async fn a_letter_whose_purchase_cannot_be_read_is_named_and_left() {
    let clock = clock();
    let world = world(&clock);
    let double = Double::start().await;
    let (broken, letter) = forgotten(&world, "key-1", NOT_GATED);
    double.bury(&world, &letter);
    double.bury(&world, "not a message of ours");
    let (right, letter) = forgotten(&world, "key-2", "+18765550101");
    double.bury(&world, &letter);
    world.spoil(keys::purchase(&SubAccountId::parse(SUB).expect("is a word"), &broken), "state");

    for manner in [DRY, WET, Manner { drop_unreadable: true, ..WET }] {
        let told = double.redrive(&world, &Filter::default(), manner).await;
        let left = &told[broken.as_str()];
        assert_eq!((left.fate, left.state), (Fate::PurchaseUnreadable, None), "{manner:?}");
        let line = left.line(manner, world.now());
        assert!(line.contains("now unreadable") && line.contains("`state`"), "{line}");
        let others = (told.get("letter-1").map(|letter| letter.fate), told.get(right.as_str()).map(|right| right.fate));
        let (expected, counts) = match (manner.dry_run, manner.drop_unreadable) {
            (true, _) => ((Some(Fate::Unreadable), Some(Fate::Moved)), (0, 3)),
            (false, false) => ((Some(Fate::Unreadable), Some(Fate::Moved)), (1, 2)),
            (false, true) => ((Some(Fate::Dropped), None), (1, 1)),
        };
        assert_eq!((others, double.counts()), (expected, counts), "{manner:?}");
    }
    let filter = Filter { purchase: Some(right), ..Filter::default() };
    let told = double.redrive(&world, &filter, DRY).await;
    assert_eq!(told[broken.as_str()].fate, Fate::Filtered, "nobody asked for it");
}

/// More letters than one receipt has: the limit counts what goes back, and what is beyond it stays.
#[tokio::test]
async fn a_limit_moves_so_many_and_leaves_the_rest() {
    let clock = clock();
    let world = world(&clock);
    let double = Double::start().await;
    for index in 0..BATCH + 3 {
        let (_, letter) = forgotten(&world, &format!("key-{index}"), &format!("+1876555{:04}", 200 + index));
        double.bury(&world, &letter);
    }
    let of_an_hour = Filter { older_than: Some(Duration::from_secs(3600)), ..Filter::default() };
    let told = double.redrive(&world, &of_an_hour, WET).await;
    assert!(told.values().all(|letter| letter.fate == Fate::Filtered) && told.len() == BATCH + 3);
    let few = Filter { limit: Some(2), ..Filter::default() };
    assert_eq!(double.redrive(&world, &few, WET).await.len(), 2);
    assert_eq!(double.counts(), (2, BATCH + 1));
    clock.advance_s(3600);
    assert_eq!(double.redrive(&world, &of_an_hour, WET).await.len(), BATCH + 1);
    assert_eq!(double.counts(), (BATCH + 3, 0));
}

/// A table that does not answer is no matter of single letters.
#[tokio::test]
async fn nothing_is_judged_while_the_table_does_not_answer() {
    let clock = clock();
    let world = world(&clock);
    let double = Double::start().await;
    let (_, letter) = forgotten(&world, "key-1", NOT_GATED);
    double.bury(&world, &letter);
    for call in 0..2 {
        let store = Stepped { port: &world.table, steps: &Steps::failing_at(call) };
        let mut told = 0;
        let outcome = redrive(&store, &double.queues, &Filter::default(), WET, world.now(), |_| told += 1).await;
        assert!(outcome.is_err() && told == 0, "call {call}: {outcome:?}");
        assert_eq!(double.counts(), (0, 1), "call {call}");
        assert!(!double.sqs().dead[0].hidden, "call {call}");
    }
}
