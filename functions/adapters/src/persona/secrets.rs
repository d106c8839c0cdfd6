//! The secrets that Persona signs with, as they are now: a secret that is new, or withdrawn, counts without a deployment.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use domain::Instant;
use tracing::{error, info};

use super::signature::{BadSignature, VerifiedWebhook, WebhookSecret, looks_signed, verify};
use crate::config::ConfigError;

/// How long secrets are believed without reading them again, in milliseconds: what was withdrawn counts for five minutes
/// at most. As long as AWS's own cache keeps them ("AWS Parameters and Secrets Lambda Extension").
const SECRETS_AGE_MS_MAX: i64 = 300_000;

/// Least time between two readings, in milliseconds: a delivery that none of the secrets signed causes one, since Persona may
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
    /// When they were read.
    read_at: Instant,
    /// When reading them was last tried.
    tried_at: Instant,
}

impl<K: SecretSource> WebhookSecrets<K> {
    /// Reads the secrets for the first time.
    ///
    /// # Errors
    /// [`ConfigError`] when they cannot be read, or one of them cannot be a secret: a function does not start without.
    pub async fn read(source: K, now: Instant) -> Result<Self, ConfigError> {
        let secrets = source.read().await?.into();
        Ok(Self { source, held: Mutex::new(Held { secrets, read_at: now, tried_at: now }) })
    }

    /// [`verify`] with the secrets as they are now.
    ///
    /// They are read again before a delivery is judged by secrets that are five minutes old, and where a fresh one is
    /// signed by none of them, at most every 30 s. Where that fails, those at hand decide, and the next one tries again:
    /// Persona delivers again what is refused, and what is authentic must not be lost to Secrets Manager.
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
        let (secrets, read_at, tried_at) = self.held();
        let judged = judge(&secrets);
        if now.ms_since(tried_at) < READ_AGAIN_PAUSE_MS {
            return judged;
        }
        // Persona may not sign anew what it delivers again: then only old secrets are a reason.
        let aged = now.ms_since(read_at) >= SECRETS_AGE_MS_MAX;
        let outdated = match &judged {
            Ok(_) => aged,
            Err(BadSignature) => looks_signed(header, now, if aged { None } else { Some(tolerance_s) }),
        };
        if !outdated {
            return judged;
        }
        // First, so that whoever comes meanwhile, or after a failure, does not ask as well.
        self.lock().tried_at = now;
        match self.source.read().await {
            Ok(secrets) => {
                let secrets: Arc<[WebhookSecret]> = secrets.into();
                {
                    let mut held = self.lock();
                    (held.secrets, held.read_at) = (Arc::clone(&secrets), now);
                }
                info!(secrets = secrets.len(), "The webhook secrets were read again.");
                judge(&secrets)
            }
            Err(error) => {
                error!(%error, metric = "webhook_secrets_unread", "The webhook secrets could not be read again; those at hand decide.");
                judged
            }
        }
    }

    fn held(&self) -> (Arc<[WebhookSecret]>, Instant, Instant) {
        let held = self.lock();
        (Arc::clone(&held.secrets), held.read_at, held.tried_at)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
