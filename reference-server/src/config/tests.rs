//! What a configuration may say, and what is said about one that is wrong.

use super::*;

const FULL: &str = r#"
about = "sized as 3 million tests a day, evenly"
cpus = [0, 1]
[instances]
count = 1
dispatch = "round-robin"
[store]
backend = "postgres"
url = "postgresql://sidep@db/sidep"
[slots]
workers = 32
queue = 319
retry_after = "5s"
abandoned = "drop"
discipline = "priority"
longest_wait = "15s"
[slots.priority]
search = 9
[slots.limit]
least = 8
most = 300
target = "1s"
[lane.lab]
classes = ["lab"]
listen = "127.0.0.1:0"
connections = 64
workers = 4
queue = 40
[bucket.account]
rate = "3/min"
burst = 10
classes = ["validate", "save"]
[bucket.software]
rate = "20/s"
burst = 40
[bucket.address]
rate = "100/s"
burst = 200
[waiting_room.patients]
rate = "25/s"
[waiting_room.professionals]
rate = "5/s"
places = 1000
poll = "10s"
session = "1h"
[pool]
connections = 8
seed = 3
law = { exponential = { mean = "20ms" } }
[pool.class]
search = { constant = "90ms" }
[commit]
cycle = "8ms"
each = "50us"
[intake]
workers = 4
queue = 1000
law = { constant = "1ms" }
[cache]
results = 100
lifetime = "10s"
[hold]
seed = 7
law = { lognormal = { mean = "100ms", cv = 1.0 } }
[hold.class]
lab = { exponential = { mean = "400ms" } }
birth-date = { constant = "50ms" }
[issuer]
workers = 16
queue = 256
token_lifetime = "8h"
hold = { constant = "20ms" }
[outbox]
rate = "360/s"
jitter = "5m"
longest_age = "2days"
connections = 2
retry_first = "500ms"
retry_longest = "30s"
timeout = "5s"
[limits]
connections = 1000
body = "1MB"
batch = 100
headers = "30s"
body_time = "5s"
drain = "3s"
[tls]
resumption = false
[patients]
session = "10m"
lock_after = 3
lock_for = "30m"
dead_after = 6
[truth.constant]
workers = 8
queue = 100
seed = 5
law = { constant = "50ms" }
[truth.unbounded]
workers = 2
law = { exponential = { mean = "50ms" } }
[consent]
max_rate = "5000/s"
until = "2026-12-24T00:00:00Z"
token_sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"#;

#[test]
fn every_key_is_read() {
    let config = Config::parse(FULL).unwrap();
    assert_eq!(config.instances, Instances { count: 1, dispatch: Dispatch::RoundRobin });
    assert_eq!(config.store.url.as_deref(), Some("postgresql://sidep@db/sidep"));
    assert_eq!(config.cpus, [0, 1]);
    assert_eq!(config.slots.workers, 32);
    assert_eq!(config.slots.abandoned, Abandoned::Drop);
    let slots = &config.slots;
    assert_eq!((slots.discipline, slots.longest_wait), (Discipline::Priority, Some(Duration::from_secs(15))));
    assert_eq!(
        [Class::Lab, Class::Print, Class::View, Class::Search].map(|class| slots.priority_of(class)),
        [0, 1, 2, 9]
    );
    assert_eq!(slots.limit.map(|limit| (limit.least, limit.most)), Some((8, 300)));
    let (name, lane) = config.lane_of(Class::Lab).unwrap();
    assert_eq!((name, lane.slots.workers, lane.connections), ("lab", 4, 64));
    assert_eq!(config.lane_of(Class::Software), None);
    assert!(
        config.bucket.software.as_ref().is_some_and(|bucket| bucket.burst == 40 && bucket.classes.is_empty())
    );
    assert_eq!(config.bucket.account.as_ref().map(|bucket| bucket.classes.len()), Some(2));
    assert_eq!(config.waiting_room.patients.as_ref().map(|room| room.poll), Some(Duration::from_secs(30)));
    assert_eq!(config.waiting_room.professionals.as_ref().map(|room| room.places), Some(1_000));
    let pool = config.pool.as_ref().unwrap();
    assert_eq!(pool.law(Class::Search), Some(&Law::Constant(Duration::from_millis(90))));
    assert_eq!(pool.law(Class::SignIn), None);
    assert_eq!(config.commit.of(10), Duration::from_micros(8_500));
    assert_eq!(config.intake.as_ref().map(|intake| intake.queue), Some(1_000));
    assert_eq!(config.cache.as_ref().map(|cache| cache.results), Some(100));
    let mean = Duration::from_millis(400);
    assert_eq!(config.hold_law(Class::Lab), Some(&Law::Exponential { mean }));
    let mean = Duration::from_millis(100);
    assert_eq!(config.hold_law(Class::Form), Some(&Law::LogNormal { mean, cv: 1.0 }));
    assert_eq!(config.hold_law(Class::SignIn), Some(&Law::Constant(Duration::from_millis(20))));
    assert_eq!(config.outbox.rate, Rate::per_second(360.0));
    assert_eq!(config.limits.body, 1_000_000);
    assert_eq!(config.patients.dead_after, 6);
    assert_eq!(config.truth["constant"].queue, Some(100));
    assert_eq!((config.truth["unbounded"].queue, config.truth["unbounded"].seed), (None, 1));
    assert_eq!(config.consent.unwrap().max_rate, Rate::per_second(5_000.0).unwrap());
}

#[test]
fn what_is_written_reads_back_the_same() {
    for config in [Config::default(), Config::parse(FULL).unwrap()] {
        let text = config.to_toml();
        assert_eq!(Config::parse(&text).unwrap(), config, "{text}");
        let json = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<Config>(&json).unwrap(), config, "{json}");
    }
}

#[test]
fn an_empty_configuration_is_an_open_server_that_holds_nothing() {
    let config = Config::parse("").unwrap();
    assert_eq!(config, Config::default());
    for class in Class::ALL {
        assert_eq!(config.hold_law(class), None);
    }
}

#[test]
fn every_problem_is_reported_at_once_with_its_path() {
    let errors = Config::parse(
        r#"
        abuot = "x"
        [slots]
        wokers = 3
        queue = -1
        retry_after = 5
        abandoned = "maybe"
        [hold]
        law = { normal = { mean = "1s" } }
        [hold.class]
        labs = { constant = "1s" }
        lab = { lognormal = { mean = "1s" } }
        sign-in = { constant = "1s" }
        [issuer]
        token_lifetime = "0s"
        [outbox]
        rate = "fast"
        [truth]
        x = 1
        [truth.Bad]
        law = { constant = "1s" }
        [consent]
        until = "tomorrow"
        "#,
    )
    .unwrap_err();
    let paths: Vec<_> = errors.0.iter().map(|problem| problem.path.as_str()).collect();
    for path in [
        "abuot",
        "slots.wokers",
        "slots.queue",
        "slots.retry_after",
        "slots.abandoned",
        "hold.law",
        "hold.class.labs",
        "hold.class.lab.lognormal.cv",
        "hold.class.sign-in",
        "issuer.token_lifetime",
        "outbox.rate",
        "truth.x",
        "truth.Bad",
        "truth.Bad.workers",
        "consent.until",
        "consent.max_rate",
        "consent.token_sha256",
    ] {
        assert!(paths.contains(&path), "{path} is not in {paths:?}");
    }
    assert_eq!(paths.len(), 17, "{errors}");
    let text = errors.to_string();
    assert!(text.contains("slots.wokers: unknown key (did you mean 'workers'?)"), "{text}");
    assert!(text.contains("hold.class.sign-in: sign-in has slots of its own (write issuer.hold)"), "{text}");
}

#[test]
fn every_problem_of_the_levers_is_reported_at_once_too() {
    let errors = Config::parse(
        r#"
        [slots]
        discipline = "random"
        priority = { search = 3, sing-in = 1 }
        limit = { least = 8, most = 4 }
        [lane.lab]
        classes = ["lab", "sign-in"]
        listen = "8081"
        [lane.main]
        classes = ["lab"]
        [lane.software]
        [bucket.adress]
        [bucket.account]
        rate = "3/min"
        classes = ["labs"]
        [bucket.software]
        rate = "3/min"
        burst = 0
        classes = []
        [waiting_room.patients]
        poll = "0s"
        [pool]
        [commit]
        cycle = 8
        [intake]
        workers = 0
        [cache]
        lifetime = "0s"
        "#,
    )
    .unwrap_err();
    let mut paths: Vec<_> = errors.0.iter().map(|problem| problem.path.as_str()).collect();
    paths.sort_unstable();
    let mut expected = [
        "slots.discipline",
        "slots.priority",
        "slots.priority.sing-in",
        "slots.limit.most",
        "slots.limit.target",
        "lane.lab.classes",
        "lane.lab.listen",
        "lane.main",
        "lane.main.classes",
        "lane.software.classes",
        "bucket.adress",
        "bucket.account.burst",
        "bucket.account.classes",
        "bucket.software.burst",
        "bucket.software.classes",
        "waiting_room.patients.rate",
        "waiting_room.patients.poll",
        "pool",
        "pool.connections",
        "commit.cycle",
        "intake.workers",
        "cache.lifetime",
    ];
    expected.sort_unstable();
    assert_eq!(paths, expected, "{errors}");
}

#[test]
fn a_text_that_is_not_toml_says_where() {
    let errors = Config::parse("[slots\nworkers = 1").unwrap_err();
    assert!(errors.to_string().contains("line 1"), "{errors}");
}

#[test]
fn instances_share_a_store_and_a_door_without_tls() {
    let wrong = Config::parse("[instances]\ncount = 2\n[tls]").unwrap_err().to_string();
    assert!(wrong.contains("store.backend") && wrong.contains("tls"), "{wrong}");
    let config = Config::parse("[instances]\ncount = 2\n[store]\nbackend = \"postgres\"").unwrap();
    assert_eq!((config.instances.count, config.store.url), (2, None));
    let wrong = Config::parse("[store]\nurl = \"postgresql:///x\"").unwrap_err().to_string();
    assert!(wrong.contains("store.url"), "{wrong}");
}

#[test]
fn privacy_is_configured_within_reason() {
    let text = "[retention]\nresults = \"30d\"\npositives = \"60d\"\n[access_log]\nkeep = \"200d\"\n\
                [statistics]\nsmallest_group = 5\n[log]\nlevel = \"warn\"";
    let config = Config::parse(text).unwrap();
    let day = Duration::from_secs(86_400);
    assert_eq!((config.retention.results, config.retention.positives), (30 * day, 60 * day));
    assert_eq!((config.retention.drafts, config.access_log.keep), (7 * day, 200 * day));
    assert_eq!((config.statistics.smallest_group, config.log.level), (5, Level::Warn));
    let wrong = "[retention]\nresults = \"60d\"\npositives = \"30d\"\nevery = \"0s\"\n\
                 [access_log]\nkeep = 5\n[statistics]\nsmallest_group = 0\n[log]\nlevel = \"loud\"";
    let problems = Config::parse(wrong).unwrap_err().0;
    let paths: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
    let expected = [
        "retention.every",
        "retention.positives",
        "access_log.keep",
        "statistics.smallest_group",
        "log.level",
    ];
    assert_eq!(paths, expected);
}
