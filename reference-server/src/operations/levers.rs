//! The metrics that show the levers at work: slots and queues of each lane, limits, refusals by cause, buckets, the pool.

use super::Page;
use crate::app::App;
use crate::metrics::Cause;

pub(super) fn write(page: &mut Page, app: &App) {
    page.family("sidep_slots", "gauge", "Worker slots.");
    for (pool, slots) in app.lanes.all() {
        page.value("sidep_slots", &[("pool", pool)], slots.rules().workers);
    }
    page.family("sidep_slots_busy", "gauge", "Worker slots in use.");
    for (pool, slots) in app.lanes.all() {
        page.value("sidep_slots_busy", &[("pool", pool)], slots.busy());
    }
    page.family("sidep_queue_length", "gauge", "Requests that wait for a slot.");
    for (pool, slots) in app.lanes.all() {
        page.value("sidep_queue_length", &[("pool", pool)], slots.waiting());
    }
    page.family("sidep_queue_oldest_seconds", "gauge", "How long the first of those that wait has waited.");
    for (pool, slots) in app.lanes.all() {
        page.value("sidep_queue_oldest_seconds", &[("pool", pool)], slots.longest_waiting().as_secs_f64());
    }
    if app.lanes.all().any(|(_, slots)| slots.limit().is_some()) {
        page.family("sidep_limit", "gauge", "Requests that the adaptive limit lets be present.");
        for (pool, slots) in app.lanes.all() {
            if let Some(limit) = slots.limit() {
                page.value("sidep_limit", &[("pool", pool)], limit);
            }
        }
    }
    page.family("sidep_refusals_total", "counter", "Requests refused without being served, by cause.");
    for cause in Cause::ALL {
        page.value("sidep_refusals_total", &[("cause", cause.name())], app.metrics.refused_for(cause));
    }
    let buckets = app.buckets.keys();
    if buckets.iter().any(|(_, keys)| keys.is_some()) {
        page.family(
            "sidep_bucket_keys",
            "gauge",
            "Token buckets in memory: those that are not full, and some.",
        );
        for (per, keys) in buckets {
            if let Some(keys) = keys {
                page.value("sidep_bucket_keys", &[("per", per)], keys);
            }
        }
    }
    if let Some(pool) = &app.pool {
        page.single("sidep_pool_connections", "gauge", "Connections of the pool.", pool.connections());
        page.single("sidep_pool_busy", "gauge", "Connections in use.", pool.busy());
        page.single(
            "sidep_pool_waiting",
            "gauge",
            "Requests in their slots that wait for one.",
            pool.waiting(),
        );
        let (waited, held) = (pool.waited.get().as_secs_f64(), pool.held.get().as_secs_f64());
        page.single("sidep_pool_wait_seconds_total", "counter", "Time that requests waited for one.", waited);
        page.single("sidep_pool_hold_seconds_total", "counter", "Time that requests held one.", held);
    }
}
