//! What is scarce on this machine runs out: open files, local ports. It is counted, named, and bounded.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use peakday::record::{self, ServerRecord};
use peakday::stats::{self, ServerSummary, ValidityState};

use crate::load_run::serve;

/// The tool, started by a shell that sets the scene first; `$0` is the program, `"$@"` its arguments.
pub(crate) fn under(shell: &str, wrap: &[&str], arguments: &[&str]) -> Output {
    let words = [wrap, &["sh", "-euc", shell, env!("CARGO_BIN_EXE_peakday")], arguments].concat();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PEAKDAY_")) {
        command.env_remove(name);
    }
    command.output().expect("a shell")
}

/// A network of its own, in which this machine is the only one.
pub(crate) fn alone() -> Vec<&'static str> {
    let root = rustix::process::geteuid().is_root();
    let user: &[&str] = if root { &[] } else { &["--map-root-user"] };
    [&["unshare", "--net", "--mount"], user].concat()
}

fn population(name: &str, per_second: u32, path: &str, more: &str) -> String {
    format!(
        "[[population]]\nname = \"{name}\"\narrivals = {{ rate = \"{per_second}/s\" }}\nlanes = 500\ntimeout = \"10s\"\n\
         {more}\n[[population.step]]\nname = \"ask\"\nget = \"{path}\"\n"
    )
}

fn read(out: &Path, output: &Output) -> (ServerRecord, ServerSummary) {
    let run = record::open(out).unwrap_or_else(|error| panic!("{error}: {}", said(output)));
    let mut summary = stats::summarize(&run).unwrap();
    let server = run.servers.into_iter().next().unwrap();
    assert!(server.finished(), "{}", said(output));
    (server, summary.servers.remove(0))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn reason<'a>(server: &'a ServerSummary, code: &str) -> (ValidityState, &'a str) {
    let found = server.validity.reasons.iter().find(|reason| reason.code == code);
    found
        .map(|reason| (reason.state, reason.detail.as_str()))
        .unwrap_or_else(|| panic!("{:?}", server.validity))
}

#[test]
fn without_open_files_left_requests_fail_here_and_the_server_never_sees_more_connections_than_there_are_files()
 {
    let dir = tempfile::tempdir().unwrap();
    let (now, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let peak = Arc::clone(&most);
    let address = serve(Router::new().route(
        "/",
        get(async move || {
            peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(700)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            "hello"
        }),
    ));
    let scenario = dir.path().join("many.toml");
    let head = "about = \"More visitors at once than files.\"\n[run]\nduration = \"2s\"\n";
    fs::write(&scenario, format!("{head}{}", population("visitor", 300, "/", ""))).unwrap();
    let (out, url) = (dir.path().join("run"), format!("http://{address}"));
    let run =
        ["run", scenario.to_str().unwrap(), "--quiet", "--target", &url, "--out", out.to_str().unwrap()];
    let output = under("ulimit -n 160; exec \"$0\" \"$@\"", &[], &run);
    assert_eq!(output.status.code(), Some(3), "not to be believed: {}", said(&output));

    let (_, server) = read(&out, &output);
    let counts = server.totals;
    assert!(counts.ok > 50 && counts.failed > 100, "{counts:?}");
    let ended = counts.ok
        + counts.failed
        + counts.shed
        + counts.timed_out
        + counts.not_sent
        + counts.in_flight_at_end;
    assert_eq!(counts.offered, ended, "{counts:?}");
    let (state, detail) = reason(&server, "generator-errors");
    assert!(state == ValidityState::Invalid && detail.contains("x no file descriptor left here"), "{detail}");
    assert!(most.load(Ordering::SeqCst) <= 80, "half of 160 are for connections: {most:?}");
}

#[test]
fn the_ports_of_one_address_run_out_and_those_of_many_do_not() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("slow.toml"), "[truth.slow]\nworkers = 1000\nlaw = { constant = \"700ms\" }\n")
        .unwrap();
    let scenario = dir.path().join("ports.toml");
    let text = format!(
        "about = \"Fifty ports an address.\"\n[run]\nduration = \"3s\"\n{}{}[[server]]\nname = \"slow\"\nconfig = \"slow.toml\"\n",
        population("one", 150, "/truth/slow", "sources = \"127.9.0.1/32\""),
        population("many", 150, "/truth/slow", "sources = \"127.10.0.0/16\""),
    );
    fs::write(&scenario, text).unwrap();
    let out = dir.path().join("run");
    let run = ["run", scenario.to_str().unwrap(), "--quiet", "--out", out.to_str().unwrap()];
    let fifty =
        "ip link set lo up; echo 30000 30049 > /proc/sys/net/ipv4/ip_local_port_range; exec \"$0\" \"$@\"";
    let output = under(fifty, &alone(), &run);
    assert_eq!(output.status.code(), Some(3), "not to be believed: {}", said(&output));

    let (_, server) = read(&out, &output);
    let [one, many] = [0, 1].map(|index: usize| server.populations[index].totals);
    assert_eq!((many.ok, many.failed), (many.offered, 0), "every client has ports of its own");
    // Fifty in each time that a request takes, and what ended a second ago may be used again.
    assert!(one.failed > 50 && one.ok >= 50, "{one:?}");
    let (state, detail) = reason(&server, "generator-errors");
    assert!(state == ValidityState::Invalid && detail.contains("x no local port left here"), "{detail}");
    assert_eq!(detail.split(" of ").next(), Some(one.failed.to_string().as_str()), "{detail}");
}

#[test]
fn a_name_with_two_addresses_is_loaded_where_both_consent_and_nothing_leaves_the_machine() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let consent = |allow: &str| {
        format!(
            "[consent]\nmax_rate = \"100/s\"\nuntil = \"2999-01-01T00:00:00Z\"\ntoken_sha256 = \"{}\"\n",
            record::digest(allow)
        )
    };
    let hosts = file("hosts", "127.0.0.1 localhost\n127.0.0.2 sidep.test\n127.0.0.3 sidep.test\n");
    let (ours, other) = (file("ours.toml", &consent("ours")), file("other.toml", &consent("other")));
    let head = "about = \"Health.\"\n[run]\nduration = \"1s\"\n";
    let scenario = file("health.toml", &format!("{head}{}", population("visitor", 20, "/healthz", "")));
    // Two servers of one name, in a network in which there is nothing else: no resolver, no other machine.
    let scene = "
        ip link set lo up
        mount --bind \"$1\" /etc/hosts
        servers=
        trap 'kill $servers; wait' EXIT
        for n in 2 3; do
            eval config=\\$$n
            timeout 60 \"$0\" serve --server \"$config\" --listen 127.0.0.$n:8080 --data \"$4/data$n\" >\"$4/said$n\" &
            servers=\"$servers $!\"
        done
        for n in 2 3; do until grep -q listening \"$4/said$n\"; do sleep 0.05; done; done
        shift 4
        code=0
        \"$0\" \"$@\" || code=$?
        exit $code";
    let run = |second: &str, name: &str| {
        let (out, work) = (dir.path().join(name), dir.path().join(format!("{name}-servers")));
        fs::create_dir(&work).unwrap();
        let (out, work) = (out.to_str().unwrap(), work.to_str().unwrap());
        let tool = [
            "run",
            &scenario,
            "--quiet",
            "--target",
            "http://sidep.test:8080",
            "--consent",
            "ours",
            "--out",
            out,
        ];
        under(scene, &alone(), &[&[hosts.as_str(), &ours, second, work], &tool[..]].concat())
    };
    let refused = run(&other, "refused");
    assert_eq!(refused.status.code(), Some(96), "{}", said(&refused));
    assert!(said(&refused).contains("127.0.0.3") && said(&refused).contains("token"), "{}", said(&refused));
    assert!(!dir.path().join("refused/run.toml").exists());

    let agreed = run(&ours, "agreed");
    assert!([0, 3, 97].contains(&agreed.status.code().unwrap()), "{:?} {}", agreed.status, said(&agreed));
    let (_, server) = read(&dir.path().join("agreed"), &agreed);
    assert!(server.totals.offered > 5 && server.totals.ok == server.totals.offered, "{:?}", server.totals);
}
