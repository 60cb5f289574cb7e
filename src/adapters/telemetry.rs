//! Logs, metrics and panics, installed once at the start.

use std::io::IsTerminal;
use std::panic;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::util::TryInitError;

use crate::config::logging::{LogFormat, LoggingConfig};

/// Why telemetry could not be installed.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter cannot be read.
    #[error("logging.filter cannot be read: {0}; write a level such as info, or target=level pairs")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// It was installed before.
    #[error("logs are already set up: {0}")]
    Twice(#[from] TryInitError),
    /// It was installed before.
    #[error("metrics cannot be set up: {0}")]
    Metrics(#[from] BuildError),
}

/// The metrics of this process.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
    started: Instant,
}

impl Metrics {
    /// All metrics in Prometheus' text form.
    pub fn render(&self) -> String {
        metrics::gauge!("switchboard_uptime_seconds").set(self.started.elapsed().as_secs_f64());
        self.handle.render()
    }

    /// The same as a function, for the server that shows them.
    pub fn renderer(&self) -> Arc<dyn Fn() -> String + Send + Sync> {
        let metrics = self.clone();
        Arc::new(move || metrics.render())
    }

    /// To be called every few seconds, scraped or not: moves measured values into their buckets.
    pub fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}

/// Installs the log, the metrics recorder and the panic hook.
pub fn install(config: &LoggingConfig) -> Result<Metrics, TelemetryError> {
    install_log(config)?;
    install_panic_hook();
    let handle = recorder()?.install_recorder()?;
    metrics::gauge!("switchboard_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    metrics::gauge!("switchboard_start_time_seconds").set(since.as_secs_f64());
    Ok(Metrics { handle, started: Instant::now() })
}

/// The log alone, for commands that serve nothing.
pub fn install_log(config: &LoggingConfig) -> Result<(), TelemetryError> {
    let filter = EnvFilter::try_new(&config.filter)?;
    let pretty = match config.format {
        LogFormat::Pretty => true,
        LogFormat::Json => false,
        LogFormat::Auto => std::io::stderr().is_terminal(),
    };
    let registry = tracing_subscriber::registry().with(filter);
    // To stderr: stdout belongs to what commands print.
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match pretty {
        true => registry.with(layer.with_ansi(std::io::stderr().is_terminal())).try_init()?,
        false => registry.with(layer.json().flatten_event(true)).try_init()?,
    }
    Ok(())
}

/// Durations are told in the buckets in which the promises are made: 20 ms frames, 150 ms to fall silent,
/// 300 and 600 ms reply gap.
fn recorder() -> Result<PrometheusBuilder, BuildError> {
    const SECONDS: &[f64] =
        &[0.001, 0.0025, 0.005, 0.01, 0.02, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.45, 0.6, 0.9, 1.5, 3.0, 10.0, 30.0];
    const MILLISECONDS: &[f64] = &[
        1.0, 2.5, 5.0, 10.0, 20.0, 25.0, 50.0, 100.0, 150.0, 200.0, 300.0, 450.0, 600.0, 900.0, 1_500.0, 3_000.0,
        10_000.0, 30_000.0,
    ];
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_ms".into()), MILLISECONDS)
}

/// A panic is a fault of ours: it is logged like everything else, then the hook before gets its turn.
fn install_panic_hook() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        metrics::counter!("switchboard_panics_total").increment(1);
        let message = info.payload_as_str().unwrap_or("no message");
        tracing::error!(
            panic.place = place,
            panic.message = message,
            "Something broke that should not have; please report it"
        );
        before(info);
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_become_histograms_with_the_buckets_of_our_promises() {
        let recorder = recorder().unwrap().build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            metrics::histogram!("switchboard_reply_gap_ms").record(290.0);
            metrics::histogram!("switchboard_http_request_seconds").record(0.004);
        });
        let text = handle.render();
        assert!(text.contains("switchboard_reply_gap_ms_bucket{le=\"300\"} 1"), "{text}");
        assert!(text.contains("switchboard_reply_gap_ms_bucket{le=\"200\"} 0"), "{text}");
        assert!(text.contains("switchboard_http_request_seconds_bucket{le=\"0.005\"} 1"), "{text}");
    }
}
