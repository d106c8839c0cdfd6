//! The clock and the dice: the only place that reads either. Handlers receive them as a port, so that a test or a
//! simulation decides both.

use std::time::{SystemTime, UNIX_EPOCH};

use domain::Instant;

/// Time and randomness.
pub trait Ambient: Send + Sync {
    /// The time now.
    fn now(&self) -> Instant;

    /// A fresh random id: 32 hexadecimal digits.
    fn random_id(&self) -> String;
}

/// The machine's own clock and randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct Machine;

impl Ambient for Machine {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    fn now(&self) -> Instant {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Instant::from_unix_ms(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that draws random ids")]
    fn random_id(&self) -> String {
        uuid::Uuid::new_v4().simple().to_string()
    }
}
