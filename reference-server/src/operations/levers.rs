//! The metrics that show the levers at work: slots and queues of each lane, limits, refusals by cause, buckets, the pool.

use std::time::Duration;

use super::Page;
use crate::acceptance::Intake;
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
    if app.waiting_rooms.any() {
        rooms(page, app);
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
    if let Some(cache) = app.store.cache() {
        let (results, hits, misses) = cache.counts();
        page.single("sidep_cache_results", "gauge", "Results in memory.", results);
        page.single("sidep_cache_hits_total", "counter", "Results that were in memory.", hits);
        page.single("sidep_cache_misses_total", "counter", "Those that were not.", misses);
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

fn rooms(page: &mut Page, app: &App) {
    page.family("sidep_waiting_room_waiting", "gauge", "Tickets whose turn has not come.");
    for room in app.waiting_rooms.all() {
        page.value("sidep_waiting_room_waiting", &[("room", room.name)], room.queue().waiting());
    }
    page.family(
        "sidep_waiting_room_called",
        "gauge",
        "Tickets whose turn has come and that were not shown yet.",
    );
    for room in app.waiting_rooms.all() {
        page.value("sidep_waiting_room_called", &[("room", room.name)], room.queue().called());
    }
    page.family("sidep_waiting_room_admitted_total", "counter", "Sessions begun.");
    for room in app.waiting_rooms.all() {
        page.value("sidep_waiting_room_admitted_total", &[("room", room.name)], room.queue().admitted());
    }
    page.family("sidep_waiting_room_void_total", "counter", "Tickets that nobody showed any more.");
    for room in app.waiting_rooms.all() {
        page.value("sidep_waiting_room_void_total", &[("room", room.name)], room.queue().void());
    }
}

/// What was accepted and waits for a worker; `oldest`: for how long the first of it has.
pub(super) fn intake(intake: &Intake, app: &App, oldest: Option<Duration>) -> String {
    let (mut page, (workers, busy)) = (Page(String::new()), intake.workers());
    page.single(
        "sidep_intake_waiting",
        "gauge",
        "Messages accepted and not settled.",
        app.store.stats().accepted(),
    );
    let oldest = oldest.unwrap_or_default().as_secs_f64();
    page.single("sidep_intake_oldest_seconds", "gauge", "How long the first of them has waited.", oldest);
    page.single("sidep_intake_workers", "gauge", "Workers.", workers);
    page.single("sidep_intake_workers_busy", "gauge", "Workers in use.", busy);
    page.0
}
