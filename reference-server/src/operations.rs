//! What operators and tools ask for, outside the slots: health, readiness, metrics, consent.

mod levers;

use std::fmt::{Display, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;

use crate::app::App;
use crate::class::Class;
use crate::moment::Moment;
use crate::refusal::Refusal;

/// `GET /healthz`: the process answers.
pub(crate) async fn health() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the store answers and the server is not stopping; with a line on each lane.
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Response {
    if app.connections.stopping() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    match app.store.result(0).await {
        Ok(_) => format!("ready\n{}", lanes(&app)).into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
    }
}

/// A line on each lane: `main 32/32 busy, 17/320 waiting`.
fn lanes(app: &App) -> String {
    let mut lines = String::new();
    for (name, slots) in app.lanes.all() {
        let (rules, busy, waiting) = (slots.rules(), slots.busy(), slots.waiting());
        // Writing to a String does not fail.
        let _ = writeln!(lines, "{name} {busy}/{} busy, {waiting}/{} waiting", rules.workers, rules.queue);
    }
    lines
}

/// `GET /.well-known/peakday.json`: the consent to be loaded from another machine, if there is one.
pub(crate) async fn consent(State(app): State<Arc<App>>) -> Response {
    let Some(consent) = &app.config.consent else { return Refusal::NotFound.into_response() };
    Json(json!({
        "allow": true,
        "max_rate_per_s": consent.max_rate.get(),
        "until": consent.until,
        "token_sha256": consent.token_sha256,
    }))
    .into_response()
}

/// The document of the interface: every route, what it takes and what it answers.
pub(crate) const OPENAPI: &str = include_str!("openapi.json");

/// What stands in the document for the URL of the server: the address where it listens unless it is told otherwise.
const LOCALHOST: &str = "http://localhost:8080";

/// `GET /openapi.json`.
pub(crate) async fn openapi(State(app): State<Arc<App>>) -> Response {
    let document = OPENAPI.replace(LOCALHOST, &app.public_url);
    ([(header::CONTENT_TYPE, "application/json")], document).into_response()
}

/// `GET /metrics`: the text format of Prometheus.
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Response {
    let now = Moment::now();
    match app.store.first_due(now).await {
        Ok(first) => {
            let oldest = first.map_or(0.0, |due| now.since(due).as_secs_f64());
            let mut text = text(&app, oldest);
            if let Some(intake) = &app.intake {
                let first = app.store.accepted(1).await.unwrap_or_default();
                let waited = first.first().map(|message| now.since(message.received));
                text += &levers::intake(intake, &app, waited);
            }
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
        }
        Err(error) => Refusal::Store(error).into_response(),
    }
}

/// All metrics; `oldest` is for how long the first message has been due, in seconds.
fn text(app: &App, oldest: f64) -> String {
    let mut page = Page(String::with_capacity(8_192));
    levers::write(&mut page, app);

    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    page.family("sidep_requests_refused_total", "counter", "Requests refused without being served.");
    for class in Class::ALL {
        page.value(
            "sidep_requests_refused_total",
            &[("class", class.name())],
            count(&app.metrics.of(class).refused),
        );
    }
    page.family("sidep_requests_served_total", "counter", "Requests served, by the class of their status.");
    for class in Class::ALL {
        for (counter, status) in
            app.metrics.of(class).statuses.iter().zip(["1xx", "2xx", "3xx", "4xx", "5xx"])
        {
            let labels = [("class", class.name()), ("status", status)];
            if count(counter) > 0 || status == "2xx" {
                page.value("sidep_requests_served_total", &labels, count(counter));
            }
        }
    }
    page.family("sidep_answers_total", "counter", "All answers, by the class of their status.");
    for (counter, status) in app.metrics.answers.iter().zip(["1xx", "2xx", "3xx", "4xx", "5xx"]) {
        page.value("sidep_answers_total", &[("status", status)], count(counter));
    }
    for (name, help) in [
        ("sidep_wait_seconds_total", "Time that served requests waited for a slot."),
        ("sidep_hold_seconds_total", "Time that served requests held a slot."),
        ("sidep_hold_drawn_seconds_total", "Time that the model says they hold it at least."),
    ] {
        page.family(name, "counter", help);
        for class in Class::ALL {
            let metrics = app.metrics.of(class);
            let sum = match name {
                "sidep_wait_seconds_total" => &metrics.waited,
                "sidep_hold_seconds_total" => &metrics.held,
                _ => &metrics.drawn,
            };
            page.value(name, &[("class", class.name())], sum.get().as_secs_f64());
        }
    }

    let stats = app.store.stats();
    page.single("sidep_store_commits_total", "counter", "Transactions committed.", stats.commits());
    page.single("sidep_store_result_commits_total", "counter", "Those with results.", stats.result_commits());
    page.single("sidep_store_results_total", "counter", "Results stored.", stats.rows());
    page.single("sidep_store_failures_total", "counter", "Transactions rolled back.", stats.failures());
    page.single("sidep_birth_dates_refused_total", "counter", "Birth dates refused.", stats.refused());
    page.single("sidep_outbox_pending", "gauge", "Messages that wait for delivery.", stats.pending());
    page.single("sidep_outbox_oldest_seconds", "gauge", "How long the first message has been due.", oldest);
    let help = "Age of the oldest message that the outbox looked at last, from its entry on.";
    page.single("sidep_outbox_age_seconds", "gauge", help, app.metrics.outbox_age().as_secs_f64());
    let (delivered, failed) = (count(&app.metrics.delivered), count(&app.metrics.undelivered));
    let issued = app.certificates.issued();
    page.single("sidep_certificates_issued_total", "counter", "Certificates signed.", issued);
    page.single("sidep_messages_delivered_total", "counter", "Messages that the gateway took.", delivered);
    page.single("sidep_messages_failed_total", "counter", "Deliveries that failed.", failed);
    page.family(
        "sidep_purged_total",
        "counter",
        "What has been kept long enough and is erased; positives are among the results.",
    );
    for (counter, what) in
        app.metrics.purged.iter().zip(["results", "positives", "drafts", "messages", "receipts"])
    {
        page.value("sidep_purged_total", &[("what", what)], count(counter));
    }
    page.single("sidep_access_log_lines_total", "counter", "Lines of the access log.", app.access.lines());
    page.single(
        "sidep_access_log_lost_total",
        "counter",
        "Lines lost since no disk took them.",
        app.access.lost(),
    );
    let failures = app.access.failures();
    page.single(
        "sidep_access_log_failures_total",
        "counter",
        "Writes of the access log that failed.",
        failures,
    );
    let given_up = count(&app.metrics.given_up);
    page.single("sidep_messages_given_up_total", "counter", "Messages erased for their age.", given_up);
    page.single("sidep_connections_open", "gauge", "Open connections.", app.connections.count());

    if !app.truth.is_empty() {
        let latest = app.truth.latest().as_secs_f64();
        let help = "The latest that an answer of a truth queue left after its instant.";
        page.single("sidep_truth_latest_seconds", "gauge", help, latest);
    }

    let cpu = clock_gettime(ClockId::ProcessCPUTime);
    #[expect(clippy::cast_precision_loss, reason = "seconds and nanoseconds of a process fit into 2^53")]
    let cpu = cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9;
    page.single("process_cpu_seconds_total", "counter", "User and system CPU time.", cpu);
    page.single("process_resident_memory_bytes", "gauge", "Resident memory.", resident_bytes());
    page.0
}

struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String does not fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn value(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<_> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.value(name, &[], value);
    }
}

/// Resident memory of this process, from the line `VmRSS` of /proc (proc(5)); 0 where there is none.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().unwrap_or(0);
    kilobytes * 1_024
}
