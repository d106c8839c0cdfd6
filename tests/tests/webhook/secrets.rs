//! Secrets that change while a function runs: a new one, and one that was withdrawn, count without a deployment.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use adapters::config::ConfigError;
use adapters::persona::{BadSignature, Freshness, SecretSource, WebhookSecret, WebhookSecrets, sign};
use domain::Instant;
use futures::executor::block_on;

const OLD: &str = "wbhsec_5f2c8e1a-7d40-4b96-93ce-0a61d7b2f384";
const NEW: &str = "wbhsec_c07d3b95-1e86-42fa-b8d1-64e9a2705c3f";
const BODY: &[u8] = b"{}";
const START_S: i64 = 1_795_348_800;

/// A store of secrets that can be changed, can fail, and counts how often it is read.
#[derive(Default)]
struct Keeper {
    kept: Mutex<Vec<&'static str>>,
    down: AtomicBool,
    reads: AtomicUsize,
}

impl SecretSource for &Keeper {
    async fn read(&self) -> Result<Vec<WebhookSecret>, ConfigError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        if self.down.load(Ordering::Relaxed) {
            return Err(ConfigError::Missing("PERSONA_WEBHOOK_SECRETS".to_owned()));
        }
        Ok(self.kept.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|text| parsed(text)).collect())
    }
}

impl Keeper {
    fn keep(&self, texts: &[&'static str]) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = texts.to_vec();
    }

    fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }
}

fn parsed(text: &str) -> WebhookSecret {
    WebhookSecret::parse(text).expect("is a secret")
}

fn at(second: i64) -> Instant {
    Instant::from_unix_ms((START_S + second) * 1000)
}

/// What is said at `second` of a delivery that was signed at that moment.
fn judged(secrets: &WebhookSecrets<&Keeper>, text: &str, second: i64) -> Result<Freshness, BadSignature> {
    let header = sign(&parsed(text), BODY, at(second));
    block_on(secrets.verify(&header, BODY, at(second), 300)).map(|webhook| webhook.freshness())
}

#[test]
fn a_new_secret_counts_half_a_minute_after_the_last_reading_at_the_latest() {
    let keeper = Keeper::default();
    keeper.keep(&[OLD]);
    let secrets = block_on(WebhookSecrets::read(&keeper, at(0))).expect("are there");
    keeper.keep(&[NEW, OLD]);
    assert_eq!((judged(&secrets, NEW, 29), keeper.reads()), (Err(BadSignature), 1));
    assert_eq!((judged(&secrets, NEW, 30), keeper.reads()), (Ok(Freshness::Fresh), 2));
    assert_eq!((judged(&secrets, OLD, 31), keeper.reads()), (Ok(Freshness::Fresh), 2));
}

#[test]
fn a_withdrawn_secret_counts_five_minutes_at_most() {
    let keeper = Keeper::default();
    keeper.keep(&[NEW, OLD]);
    let secrets = block_on(WebhookSecrets::read(&keeper, at(0))).expect("are there");
    keeper.keep(&[NEW]);
    assert_eq!((judged(&secrets, OLD, 299), keeper.reads()), (Ok(Freshness::Fresh), 1));
    assert_eq!((judged(&secrets, OLD, 300), keeper.reads()), (Err(BadSignature), 2));
    assert_eq!((judged(&secrets, NEW, 301), keeper.reads()), (Ok(Freshness::Fresh), 2));
}

/// Whoever knows no secret makes us read them every half minute at most, and with what cannot be right never.
#[test]
fn forgeries_do_not_make_us_read_at_will() {
    let keeper = Keeper::default();
    keeper.keep(&[NEW]);
    let secrets = block_on(WebhookSecrets::read(&keeper, at(0))).expect("are there");
    for second in 0..300 {
        assert_eq!(judged(&secrets, OLD, second), Err(BadSignature));
    }
    assert_eq!(keeper.reads(), 1 + 9);
    let old = sign(&parsed(OLD), BODY, at(0));
    for header in ["", "t=1,v1=00", "v1", old.as_str()] {
        assert!(block_on(secrets.verify(header, BODY, at(500), 300)).is_err(), "{header}");
    }
    assert_eq!(keeper.reads(), 1 + 9);
    // Older secrets are read once more, and what has no form at all is no reason.
    for (header, reads) in [("", 10), ("t=1,v1=00", 10), (old.as_str(), 11), (old.as_str(), 11)] {
        assert!(block_on(secrets.verify(header, BODY, at(2000), 300)).is_err(), "{header}");
        assert_eq!(keeper.reads(), reads, "{header}");
    }
}

/// Whether Persona signs anew what it delivers again is not documented: a secret that is added late counts for what was
/// signed hours ago, too.
#[test]
fn an_added_secret_counts_for_what_was_signed_long_before() {
    let keeper = Keeper::default();
    keeper.keep(&[OLD]);
    let secrets = block_on(WebhookSecrets::read(&keeper, at(0))).expect("are there");
    let signed = sign(&parsed(NEW), BODY, at(0));
    let judged = |at_s| block_on(secrets.verify(&signed, BODY, at(at_s), 300)).map(|webhook| webhook.freshness());
    assert_eq!(judged(4000), Err(BadSignature));
    keeper.keep(&[NEW, OLD]);
    assert_eq!(judged(4299), Err(BadSignature));
    assert_eq!((judged(4300), keeper.reads()), (Ok(Freshness::Stale), 3));
}

/// What is at hand decides, and nobody asks again at once.
#[test]
fn a_keeper_that_is_down_stops_nothing() {
    let keeper = Keeper::default();
    keeper.keep(&[OLD]);
    let secrets = block_on(WebhookSecrets::read(&keeper, at(0))).expect("are there");
    keeper.down.store(true, Ordering::Relaxed);
    assert_eq!((judged(&secrets, OLD, 300), keeper.reads()), (Ok(Freshness::Fresh), 2));
    assert_eq!((judged(&secrets, OLD, 301), keeper.reads()), (Ok(Freshness::Fresh), 2));
    assert_eq!((judged(&secrets, NEW, 329), keeper.reads()), (Err(BadSignature), 2));
    assert_eq!((judged(&secrets, NEW, 330), keeper.reads()), (Err(BadSignature), 3));
    keeper.down.store(false, Ordering::Relaxed);
    keeper.keep(&[NEW]);
    assert_eq!((judged(&secrets, OLD, 359), keeper.reads()), (Ok(Freshness::Fresh), 3));
    assert_eq!((judged(&secrets, OLD, 360), keeper.reads()), (Err(BadSignature), 4), "what was withdrawn meanwhile");
    assert_eq!((judged(&secrets, NEW, 361), keeper.reads()), (Ok(Freshness::Fresh), 4));
}

#[test]
fn without_secrets_a_function_does_not_start() {
    let keeper = Keeper::default();
    keeper.down.store(true, Ordering::Relaxed);
    assert!(block_on(WebhookSecrets::read(&keeper, at(0))).is_err());
}
