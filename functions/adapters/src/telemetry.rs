//! Logs: JSON lines for machines that read alone for people. Metrics are log lines with the field `metric`, which the
//! template's filters count.

use tracing::Subscriber;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::config::{ConfigError, Environment, malformed};

/// Our own crates: the ones that `RUST_LOG` may make louder.
const OWN_TARGETS: [&str; 8] = [
    "adapters",
    "domain",
    "number_search",
    "purchase_check",
    "persona_webhook",
    "phone_verification",
    "purchase_completion",
    "sweeper",
];

/// Starts logging to standard output at the level that `RUST_LOG` names (`info` when it is not set).
///
/// Everybody else's lines stay at `warn` whatever the level: at `trace` HTTP libraries print bodies and headers, and
/// the runtime prints errors of handlers with `Debug`.
///
/// # Errors
/// [`ConfigError::Malformed`] when `RUST_LOG` names no level.
pub fn start(environment: &impl Environment) -> Result<(), ConfigError> {
    let level = match environment.variable("RUST_LOG") {
        None => LevelFilter::INFO,
        Some(text) => text
            .parse::<LevelFilter>()
            .map_err(|_| malformed("RUST_LOG", "must be one of off, error, warn, info, debug, trace"))?,
    };
    tracing_subscriber::registry().with(layer(level, std::io::stdout)).init();
    Ok(())
}

/// The layer that writes our log lines to `writer`.
pub fn layer<S, W>(level: LevelFilter, writer: W) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> fmt::MakeWriter<'writer> + Send + Sync + 'static,
{
    let targets = OWN_TARGETS.iter().fold(Targets::new().with_default(level.min(LevelFilter::WARN)), |targets, own| {
        targets.with_target(*own, level)
    });
    fmt::layer().json().flatten_event(true).with_current_span(false).with_writer(writer).with_filter(targets)
}
