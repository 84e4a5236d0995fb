//! Shards as a person runs them: the command line, real requests, one sum.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::routing::get;
use peakday::record::{self, Clock, Run, What};
use peakday::scenario::Outcome;

use crate::limits::{alone, under};
use crate::load_run;
use crate::tool::command;

fn peakday(arguments: &[&str]) -> Output {
    command(arguments).output().expect("peakday starts")
}

/// A server on a thread of its own, until the process ends, and how often it was asked.
fn serve() -> (String, Arc<AtomicU64>) {
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    let router = Router::new().fallback(get(async move || {
        counted.fetch_add(1, Ordering::Relaxed);
        "hello"
    }));
    let address = load_run::serve(router);
    (format!("http://{address}"), count)
}

/// Offered, sent and ok by interval; and how many of each outcome stand in each bucket of each clock.
type Sums = (BTreeMap<i64, [u64; 3]>, BTreeMap<(Outcome, Clock, u64), u64>);

fn sums(runs: &[Run]) -> Sums {
    let (mut counters, mut buckets) = (BTreeMap::new(), BTreeMap::new());
    for server in runs.iter().flat_map(|run| &run.servers) {
        for row in server.counters().unwrap().map(Result::unwrap) {
            let sum: &mut [u64; 3] = counters.entry(row.interval).or_default();
            sum.iter_mut().zip([row.offered, row.sent, row.ok]).for_each(|(sum, value)| *sum += value);
        }
        for row in server.intervals(&Clock::ALL).unwrap().map(Result::unwrap) {
            for cell in row.histogram.cells() {
                *buckets.entry((row.outcome, row.clock, cell.to)).or_default() += cell.count;
            }
        }
    }
    (counters, buckets)
}

fn scenario(dir: &Path) -> String {
    let file = dir.join("visitors.toml");
    let text = "about = \"Visitors.\"\n[run]\nduration = \"1s\"\n[[population]]\nname = \"visitor\"\n\
                arrivals = { rate = \"200/s\" }\nlanes = 64\ntimeout = \"10s\"\n  [[population.step]]\n  name = \"home\"\n  \
                get = \"/\"\n";
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn four_shards_of_a_run_send_its_plan_once_and_merge_to_their_sum() {
    let dir = tempfile::tempdir().unwrap();
    let (scenario, (url, asked)) = (scenario(dir.path()), serve());
    let folder = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let play = |name: &str, flags: &[&str]| {
        let out = folder(name);
        let run = ["run", &scenario, "--target", &url, "--quiet", "--out", &out];
        let output = peakday(&[&run, flags].concat());
        let code = output.status.code().unwrap();
        assert!([0, 3, 97].contains(&code), "{code}: {}", String::from_utf8_lossy(&output.stderr));
        record::open(Path::new(&out)).unwrap()
    };
    let whole = play("whole", &[]);
    let once = asked.swap(0, Ordering::Relaxed);
    let shards: Vec<Run> =
        (1..=4).map(|number| play(&number.to_string(), &["--shard", &format!("{number}/4")])).collect();
    assert_eq!(asked.load(Ordering::Relaxed), once, "the shards send what the whole plan sends");

    let runs: Vec<String> = (1..=4).map(|number: u32| folder(&number.to_string())).collect();
    let runs: Vec<&str> = runs.iter().map(String::as_str).collect();
    let refused = peakday(&[&["merge"], &runs[..3], &["--out", &folder("no")]].concat());
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("missing: shard 4/4"));

    let out = folder("sum");
    let merged = peakday(&[&["merge"], &runs[..], &["--out", &out]].concat());
    let code = merged.status.code().unwrap();
    assert!([0, 3, 97].contains(&code), "{code}: {}", String::from_utf8_lossy(&merged.stderr));
    let sum = record::open(Path::new(&out)).unwrap();
    assert_eq!(sum.header.shard, None);
    let offered = |run: &Run| sums(std::slice::from_ref(run)).0.into_values().map(|row| row[0]).sum::<u64>();
    assert_eq!(offered(&sum), offered(&whole));
    assert_eq!(sums(std::slice::from_ref(&sum)), sums(&shards));
    assert!(Path::new(&out).join("index.html").exists());
}

/// The number in what a finding says; 0 where it says nothing.
fn found(run: &Run, of: &str) -> u64 {
    let details = run.servers[0].events.iter().filter_map(|event| match &event.what {
        What::Finding { code, detail, .. } if code == of => detail.split(' ').next()?.parse::<u64>().ok(),
        _ => None,
    });
    details.sum()
}

/// A scenario in which each entry brings one reader, a moment later.
fn readers(dir: &Path) -> String {
    let text = "about = \"Entries and their readers.\"\n[run]\nduration = \"3s\"\ndrain = \"2s\"\n\
        [messages]\nreference = \"/ref\"\nkeep = { link = { regex = '/p/([0-9a-f]{40})' } }\n\
        [[population]]\nname = \"software\"\narrivals = { rate = \"40/s\" }\naccounts = { kind = \"software\", count = 40 }\n\
        connection = \"kept\"\ntimeout = \"10s\"\nlanes = 64\n\
        [[population.step]]\nname = \"sign-in\"\nevery = 1000\npost = \"/oidc/token\"\n\
        headers = { content-type = \"application/x-www-form-urlencoded\" }\n\
        body = \"grant_type=client_credentials&client_id=${account.id}&client_secret=${account.secret}\"\n\
        keep = { token = { json = \"/access_token\", by = \"account\" } }\n\
        [[population.step]]\nname = \"entry\"\npost = \"/v1/results\"\nmessages = 1\n\
        headers = { authorization = \"Bearer ${token}\", idempotency-key = \"${idempotency_key}\" }\n\
        body = { generator = \"entry\" }\n\
        [[population]]\nname = \"patient\"\narrivals = { after = \"message\", delay = [{ weight = 1, time = \"10ms\" }] }\ntimeout = \"10s\"\nlanes = 64\n\
        [[population.step]]\nname = \"landing\"\nget = \"/p/${link}\"\nsuccess = { status = \"200\", contains = \"form\" }\n";
    let file = dir.join("readers.toml");
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn shards_pass_messages_on_to_the_shard_whose_entry_they_are_about() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let scenario = readers(dir.path());
    // Addresses of this test's own.
    let addresses = ["127.77.0.1:7001", "127.77.0.2:7001"];
    // The server sends all messages to the first.
    let gateway = format!("http://{}", addresses[0]);
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data", &file("data"), "--gateway", &gateway];
    let mut server = command(&[&serve[..], &["--until-stdin-closes"]].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(server.stdout.take().unwrap()).lines().map_while(Result::ok);
    let url =
        said.find_map(|line| line.strip_prefix("listening on ").map(str::to_owned)).expect("an address");

    let shards = ["1/2", "2/2"].map(|shard| {
        let (out, listen) = (file(&shard[..1]), addresses.join(","));
        let run = [
            "run", &scenario, "--quiet", "--target", &url, "--out", &out, "--shard", shard, "--shards",
            &listen,
        ];
        command(&run).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
    });
    let shards = shards.map(|shard| shard.wait_with_output().unwrap());
    drop(server.stdin.take());
    server.wait().unwrap();
    for shard in shards {
        let code = shard.status.code().unwrap();
        assert!([0, 3, 97].contains(&code), "{code}: {}", String::from_utf8_lossy(&shard.stderr));
    }

    let runs = ["1", "2"].map(|number| record::open(Path::new(&file(number))).unwrap());
    let readers = runs.each_ref().map(|run| {
        let of = run.servers[0].layout.population("patient").unwrap();
        let rows = run.servers[0].journeys().unwrap().map(Result::unwrap).filter(|row| row.population == of);
        let planned = rows.map(|row| row.planned).sum::<u64>();
        let rows = run.servers[0].counters().unwrap().map(Result::unwrap).filter(|row| row.population == of);
        let (offered, ok) = rows.fold((0, 0), |sum, row| (sum.0 + row.offered, sum.1 + row.ok));
        assert!(offered > 5 && ok * 10 >= offered * 9, "{ok} of {offered} patients' requests were ok");
        planned
    });
    // The first got all messages and passed on to the second what was the second's; each reader came once.
    let [all, passed_on] = runs.each_ref().map(|run| found(run, "messages"));
    assert!(passed_on > 5 && all > passed_on, "{all} {passed_on}");
    assert!(readers[0] <= all - passed_on && readers[1] <= passed_on, "{readers:?} of {all} and {passed_on}");
    assert_eq!(runs.each_ref().map(|run| found(run, "foreign-messages")), [0, 0]);
}

#[test]
fn shards_on_other_machines_are_passed_messages_when_they_have_the_token_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let scenario = readers(dir.path());
    // A network of its own, in which two addresses of documentation (RFC 5737) are this machine's.
    let scene = r#"
        ip link set lo up
        ip addr add 192.0.2.1/32 dev lo
        ip addr add 192.0.2.2/32 dev lo
        cd "$1"
        mkfifo hold
        timeout 60 "$0" serve --listen 127.0.0.1:7000 --data data --gateway http://192.0.2.1:7001 --until-stdin-closes <hold >said &
        exec 3>hold
        until grep -q listening said; do sleep 0.05; done
        run() {
            timeout 60 "$0" run "$scenario" --quiet --target http://127.0.0.1:7000 --out "$1" --shard "$1/2" \
                --shards 192.0.2.1:7001,192.0.2.2:7001 --consent "$2"
        }
        scenario=$2
        run 1 ours >one 2>&1 &
        run 2 "$3" >two 2>&1 || true
        wait $!
        exec 3>&-
        wait"#;
    let play = |name: &str, token: &str| {
        let work = dir.path().join(name);
        std::fs::create_dir(&work).unwrap();
        let output = under(scene, &alone(), &[work.to_str().unwrap(), &scenario, token]);
        let said = ["one", "two"].map(|file| std::fs::read_to_string(work.join(file)).unwrap_or_default());
        let said = format!("{} {said:?}", String::from_utf8_lossy(&output.stderr));
        let runs = ["1", "2"]
            .map(|shard| record::open(&work.join(shard)).unwrap_or_else(|error| panic!("{error}: {said}")));
        let counts =
            ["messages", "undelivered-messages"].map(|code| runs.each_ref().map(|run| found(run, code)));
        (counts, runs)
    };
    let ([[all, passed_on], undelivered], _) = play("ours", "ours");
    assert!(passed_on > 5 && all > passed_on, "{all} {passed_on}");
    assert_eq!(undelivered, [0, 0]);

    // The second plays another run, for all that the first knows.
    let ([[all, passed_on], [undelivered, _]], [first, _]) = play("other", "other");
    assert!(all > 5 && passed_on == 0 && undelivered > 5, "{all} {passed_on} {undelivered}");
    let why = first.servers[0].events.iter().any(|event| {
        matches!(&event.what, What::Finding { detail, .. } if detail.contains("192.0.2.2:7001") && detail.contains("token"))
    });
    assert!(why, "{:?}", first.servers[0].events);
}
