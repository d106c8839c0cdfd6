//! The secrets that Persona signs with, as they are now: a secret that is new, or withdrawn, counts without a deployment.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use domain::Instant;
use tracing::{info, warn};

use super::signature::{BadSignature, VerifiedWebhook, WebhookSecret, looks_fresh, verify};
use crate::config::ConfigError;

/// How long secrets are believed without reading them again, in milliseconds: what was withdrawn counts for five minutes
/// at most. As long as AWS's own cache keeps them ("AWS Parameters and Secrets Lambda Extension").
const SECRETS_AGE_MS_MAX: i64 = 300_000;

/// How long after a reading a delivery that none of the secrets signed may cause another, in milliseconds: Persona may
/// have been given a new one meanwhile, and whoever knows none must not make us ask without end.
const READ_AGAIN_PAUSE_MS: i64 = 30_000;

/// Secrets at most: two webhooks that are both being rotated. Each costs one HMAC a set.
pub const SECRETS_MAX: usize = 4;

/// Where the secrets are kept.
pub trait SecretSource: Send + Sync {
    /// The secrets as they are now, newest first.
    ///
    /// # Errors
    /// [`ConfigError`] when they cannot be read, or one of them cannot be a secret.
    fn read(&self) -> impl Future<Output = Result<Vec<WebhookSecret>, ConfigError>> + Send;
}

/// Secrets that never change.
impl SecretSource for Vec<WebhookSecret> {
    async fn read(&self) -> Result<Vec<WebhookSecret>, ConfigError> {
        Ok(self.clone())
    }
}

/// The secrets as they were read last, and where to read them again.
#[derive(Debug)]
pub struct WebhookSecrets<K> {
    source: K,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    secrets: Arc<[WebhookSecret]>,
    /// When they were read, or when reading them was last tried.
    asked_at: Instant,
}

impl<K: SecretSource> WebhookSecrets<K> {
    /// Reads the secrets for the first time.
    ///
    /// # Errors
    /// [`ConfigError`] when they cannot be read, or one of them cannot be a secret: a function does not start without.
    pub async fn read(source: K, now: Instant) -> Result<Self, ConfigError> {
        let secrets = source.read().await?.into();
        Ok(Self { source, held: Mutex::new(Held { secrets, asked_at: now }) })
    }

    /// [`verify`] with the secrets as they are now.
    ///
    /// They are read again before a delivery is believed by secrets that are five minutes old, and where a fresh one is
    /// signed by none of them, at most every 30 s. Where that fails, those at hand decide: Persona delivers again what is
    /// refused, and an authentic delivery must not wait for Secrets Manager.
    ///
    /// # Errors
    /// [`BadSignature`], without saying why.
    pub async fn verify<'a>(
        &self,
        header: &str,
        body: &'a [u8],
        now: Instant,
        tolerance_s: i64,
    ) -> Result<VerifiedWebhook<'a>, BadSignature> {
        let judge = |secrets: &[WebhookSecret]| verify(header, body, secrets, now, tolerance_s);
        let (secrets, age_ms) = self.held(now);
        let judged = judge(&secrets);
        let outdated = match &judged {
            Ok(_) => age_ms >= SECRETS_AGE_MS_MAX,
            Err(BadSignature) => age_ms >= READ_AGAIN_PAUSE_MS && looks_fresh(header, now, tolerance_s),
        };
        if !outdated {
            return judged;
        }
        // First, so that whoever comes meanwhile, or after a failure, does not ask as well.
        self.lock().asked_at = now;
        match self.source.read().await {
            Ok(secrets) => {
                let secrets: Arc<[WebhookSecret]> = secrets.into();
                self.lock().secrets = Arc::clone(&secrets);
                info!(secrets = secrets.len(), "The webhook secrets were read again.");
                judge(&secrets)
            }
            Err(error) => {
                warn!(%error, "The webhook secrets could not be read again; those at hand decide.");
                judged
            }
        }
    }

    fn held(&self, now: Instant) -> (Arc<[WebhookSecret]>, i64) {
        let held = self.lock();
        (Arc::clone(&held.secrets), now.unix_ms() - held.asked_at.unix_ms())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
