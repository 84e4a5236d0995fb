//! From a TOML table to a [`Config`]: which keys there are, and what may stand in them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use toml::Table;

use super::read::Reader;
use super::{
    Config, ConfigErrors, Consent, Hold, Issuer, Law, Limits, Outbox, Patients, Tls, TruthQueue, back_end,
    bucket, certificates, instances, intake, privacy, slots, waiting_room,
};
use crate::class::Class;

/// The most slots, waiting places or connections that a configuration may ask for.
const MOST: u64 = 1_000_000;

impl TryFrom<Table> for Config {
    type Error = ConfigErrors;

    fn try_from(table: Table) -> Result<Self, Self::Error> {
        let problems = RefCell::default();
        let root = Reader::new(table, &problems);
        let config = Config {
            about: root.text("about"),
            cpus: root.cpus("cpus").unwrap_or_default(),
            instances: root.section("instances").map(instances::instances).unwrap_or_default(),
            store: root.section("store").map(instances::store).unwrap_or_default(),
            slots: root.section("slots").map(slots::slots).unwrap_or_default(),
            lane: slots::lanes(root.sections("lane")),
            bucket: root.section("bucket").map(bucket::buckets).unwrap_or_default(),
            waiting_room: root.section("waiting_room").map(waiting_room::waiting_rooms).unwrap_or_default(),
            hold: root.section("hold").map(hold).unwrap_or_default(),
            pool: root.section("pool").map(back_end::pool),
            commit: root.section("commit").map(back_end::commit).unwrap_or_default(),
            intake: root.section("intake").map(intake::intake),
            cache: root.section("cache").map(intake::cache),
            issuer: root.section("issuer").map(issuer).unwrap_or_default(),
            outbox: root.section("outbox").map(outbox).unwrap_or_default(),
            limits: root.section("limits").map(limits).unwrap_or_default(),
            patients: root.section("patients").map(patients).unwrap_or_default(),
            certificates: root.section("certificates").map(certificates::certificates).unwrap_or_default(),
            retention: root.section("retention").map(privacy::retention).unwrap_or_default(),
            access_log: root.section("access_log").map(privacy::access_log).unwrap_or_default(),
            statistics: root.section("statistics").map(privacy::statistics).unwrap_or_default(),
            log: root.section("log").map(privacy::log).unwrap_or_default(),
            truth: root.sections("truth").into_iter().filter_map(truth_queue).collect(),
            tls: root.section("tls").map(tls),
            consent: root.section("consent").and_then(consent),
        };
        instances::together(&root, &config);
        root.finish();
        let problems = problems.into_inner();
        if problems.is_empty() { Ok(config) } else { Err(ConfigErrors(problems)) }
    }
}

fn hold(read: Reader<'_>) -> Hold {
    let default = Hold::default();
    let hold = Hold {
        seed: read.whole("seed", 0..=i64::MAX.unsigned_abs()).unwrap_or(default.seed),
        law: law(&read, "law"),
        class: read.section("class").map(class_laws).unwrap_or_default(),
    };
    read.finish();
    hold
}

pub(super) fn class_laws(read: Reader<'_>) -> BTreeMap<Class, Law> {
    let mut laws = BTreeMap::new();
    for class in Class::ALL {
        if class == Class::SignIn {
            if read.keys().iter().any(|key| key == class.name()) {
                read.section(class.name());
                read.reject::<()>(class.name(), "sign-in has slots of its own", "write issuer.hold");
            }
        } else if let Some(law) = law(&read, class.name()) {
            laws.insert(class, law);
        }
    }
    read.finish();
    laws
}

fn issuer(read: Reader<'_>) -> Issuer {
    let default = Issuer::default();
    let issuer = Issuer {
        workers: count(&read, "workers", 1, default.workers),
        queue: count(&read, "queue", 0, default.queue),
        token_lifetime: positive(&read, "token_lifetime", default.token_lifetime),
        rotate_keys: positive(&read, "rotate_keys", default.rotate_keys),
        hold: law(&read, "hold"),
    };
    read.finish();
    issuer
}

fn outbox(read: Reader<'_>) -> Outbox {
    let default = Outbox::default();
    let outbox = Outbox {
        rate: read.rate("rate"),
        jitter: read.duration("jitter").unwrap_or(default.jitter),
        longest_age: positive(&read, "longest_age", default.longest_age),
        connections: count(&read, "connections", 1, default.connections),
        retry_first: positive(&read, "retry_first", default.retry_first),
        retry_longest: positive(&read, "retry_longest", default.retry_longest),
        timeout: positive(&read, "timeout", default.timeout),
    };
    if outbox.retry_longest < outbox.retry_first {
        read.reject::<()>("retry_longest", "is shorter than retry_first", "make it at least as long");
    }
    read.finish();
    outbox
}

fn limits(read: Reader<'_>) -> Limits {
    let default = Limits::default();
    let limits = Limits {
        connections: count(&read, "connections", 1, default.connections),
        body: read.size("body").unwrap_or(default.body),
        batch: count(&read, "batch", 1, default.batch),
        headers: positive(&read, "headers", default.headers),
        body_time: positive(&read, "body_time", default.body_time),
        drain: read.duration("drain").unwrap_or(default.drain),
    };
    read.finish();
    limits
}

fn patients(read: Reader<'_>) -> Patients {
    let default = Patients::default();
    let failures = |key, value: u32| {
        read.whole(key, 1..=1_000).and_then(|value| u32::try_from(value).ok()).unwrap_or(value)
    };
    let patients = Patients {
        session: positive(&read, "session", default.session),
        lock_after: failures("lock_after", default.lock_after),
        lock_for: positive(&read, "lock_for", default.lock_for),
        dead_after: failures("dead_after", default.dead_after),
    };
    if patients.dead_after < patients.lock_after {
        read.reject::<()>("dead_after", "is below lock_after", "make it at least as large");
    }
    read.finish();
    patients
}

fn truth_queue((name, read): (String, Reader<'_>)) -> Option<(String, TruthQueue)> {
    read.name(&name);
    for key in ["workers", "law"] {
        read.required(key, "a queue says workers and law");
    }
    let workers = count(&read, "workers", 1, 1);
    let queue = read.whole("queue", 0..=MOST).and_then(|places| usize::try_from(places).ok());
    let seed = read.whole("seed", 0..=i64::MAX.unsigned_abs()).unwrap_or(1);
    let law = law(&read, "law");
    read.finish();
    Some((name, TruthQueue { workers, queue, seed, law: law? }))
}

fn tls(read: Reader<'_>) -> Tls {
    let tls = Tls { resumption: read.switch("resumption").unwrap_or(true) };
    read.finish();
    tls
}

fn consent(read: Reader<'_>) -> Option<Consent> {
    for key in ["max_rate", "until", "token_sha256"] {
        read.required(key, "a consent says max_rate, until and token_sha256");
    }
    let (max_rate, until, hash) = (read.rate("max_rate"), read.text("until"), read.text("token_sha256"));
    if let Some(until) = &until
        && chrono::DateTime::parse_from_rfc3339(until).is_err()
    {
        read.reject::<()>(
            "until",
            format!("'{until}' is not a time"),
            "write RFC 3339: 2026-12-24T00:00:00Z",
        );
    }
    if let Some(hash) = &hash
        && (hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
    {
        read.reject::<()>("token_sha256", "is not a SHA-256", "write its 64 hexadecimal digits");
    }
    read.finish();
    Some(Consent { max_rate: max_rate?, until: until?, token_sha256: hash?.to_ascii_lowercase() })
}

/// A law under `key`: a table with exactly one of the three kinds.
pub(super) fn law<'a>(read: &Reader<'a>, key: &'a str) -> Option<Law> {
    const HINT: &str = "write { constant = \"100ms\" }, { exponential = { mean = \"100ms\" } } or \
                        { lognormal = { mean = \"100ms\", cv = 1.0 } }";
    let table = read.section(key)?;
    let law = match table.keys().as_slice() {
        [kind] => match kind.as_str() {
            "constant" => table.duration("constant").map(Law::Constant),
            "exponential" => table.section("exponential").and_then(|inner| {
                let mean = mean(&inner);
                inner.finish();
                Some(Law::Exponential { mean: mean? })
            }),
            "lognormal" => table.section("lognormal").and_then(|inner| {
                let (mean, cv) = (mean(&inner), inner.number("cv", 0.0..=100.0));
                if !inner.keys().iter().any(|present| present == "cv") {
                    inner.reject::<()>(
                        "cv",
                        "is missing",
                        "the standard deviation over the mean, as in cv = 1.0",
                    );
                }
                inner.finish();
                Some(Law::LogNormal { mean: mean?, cv: cv? })
            }),
            other => return read.reject(key, format!("no law is called '{other}'"), HINT),
        },
        _ => return read.reject(key, "is not one law", HINT),
    };
    table.finish();
    law
}

fn mean(read: &Reader<'_>) -> Option<Duration> {
    if !read.keys().iter().any(|present| present == "mean") {
        return read.reject("mean", "is missing", "write a duration, as in \"100ms\"");
    }
    let mean = read.duration("mean")?;
    if mean.is_zero() { read.reject("mean", "is zero", "leave the law out instead") } else { Some(mean) }
}

pub(super) fn count<'a>(read: &Reader<'a>, key: &'a str, least: u64, default: usize) -> usize {
    read.whole(key, least..=MOST).and_then(|value| usize::try_from(value).ok()).unwrap_or(default)
}

pub(super) fn positive<'a>(read: &Reader<'a>, key: &'a str, default: Duration) -> Duration {
    match read.duration(key) {
        Some(value) if value.is_zero() => {
            read.reject(key, "is zero", "write a longer time").unwrap_or(default)
        }
        Some(value) => value,
        None => default,
    }
}
