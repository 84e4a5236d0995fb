//! Once a second: what generator and server use, and what the server says of itself.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::clock::Clock;
use super::proc::{self, Usage};
use super::recorder::{Aside, Entry};
use crate::record::{Resources, Who};
use crate::units::Offset;

/// Metrics of a server that are kept.
const METRICS: usize = 24;
/// The longest wait for a server's metrics; one that is busier than that has none in this second.
const PATIENCE: Duration = Duration::from_millis(700);
/// The most that is read of them.
const PAGE: u64 = 1 << 20;

/// Whose resources are sampled.
#[derive(Debug, Clone)]
pub(super) struct Subjects {
    /// The thread of the generator.
    pub(super) generator: i32,
    /// The server's process, which is another one after a restart, and where it listens, where the tool has started it. Those of
    /// its instances are found by it.
    pub(super) server: Option<(Arc<AtomicU32>, SocketAddr)>,
}

/// The running sampler.
#[derive(Debug)]
pub(super) struct Sampler {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Sampler {
    /// Starts to sample.
    ///
    /// # Errors
    /// The system starts no thread.
    pub(super) fn start(subjects: Subjects, clock: Clock, to: Aside) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new().name("sampler".to_owned()).spawn(move || {
            let mut last = Last::default();
            let mut next = Instant::now();
            loop {
                sample(&subjects, clock.now(), &mut last, &to);
                next += Duration::from_secs(1);
                match stopped.recv_timeout(next.saturating_duration_since(Instant::now())) {
                    Err(RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
                }
            }
            // What was used since the last full second.
            sample(&subjects, clock.now(), &mut last, &to);
        })?;
        Ok(Self { stop, thread })
    }

    /// Samples once more and stops.
    pub(super) fn stop(self) {
        // A sampler that has panicked is gone already.
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}

/// CPU seconds at the sample before.
#[derive(Debug, Default)]
struct Last {
    generator: Option<f64>,
    thread: f64,
    stolen: f64,
    /// Of each process of the server.
    server: Option<BTreeMap<u32, f64>>,
}

fn sample(subjects: &Subjects, at: Offset, last: &mut Last, to: &Aside) {
    if let Some(usage) = proc::usage(std::process::id()) {
        let thread = proc::thread_cpu(subjects.generator).unwrap_or(last.thread);
        let stolen = proc::stolen().unwrap_or(last.stolen);
        // The first sample only says from where the next ones count.
        if let Some(before) = last.generator {
            let metrics = vec![
                ("thread_cpu".to_owned(), thread - last.thread),
                ("stolen_cpu".to_owned(), stolen - last.stolen),
            ];
            push(to, at, Who::Generator, Usage { cpu: usage.cpu - before, ..usage }, metrics);
        }
        (last.generator, last.thread, last.stolen) = (Some(usage.cpu), thread, stolen);
    }
    let Some((pid, address)) = &subjects.server else {
        return;
    };
    let pid = pid.load(Ordering::Relaxed);
    let Some(main) = proc::usage(pid) else { return };
    let instances = proc::kin(pid);
    let used = instances.iter().filter_map(|pid| Some((*pid, proc::usage(*pid)?)));
    let used: Vec<(u32, Usage)> = std::iter::once((pid, main)).chain(used).collect();
    if let Some(before) = &last.server {
        // One that has come since has used all that it has used in this second.
        let cpu = used.iter().map(|(pid, usage)| usage.cpu - before.get(pid).unwrap_or(&0.0)).sum();
        let usage = Usage { cpu, ..sum(used.iter().map(|(_, usage)| *usage)) };
        push(to, at, Who::Server, usage, all_metrics(*address, &instances));
    }
    last.server = Some(used.iter().map(|(pid, usage)| (*pid, usage.cpu)).collect());
}

fn sum(of: impl Iterator<Item = Usage>) -> Usage {
    of.fold(Usage::default(), |all, one| Usage {
        cpu: all.cpu + one.cpu,
        rss_bytes: all.rss_bytes + one.rss_bytes,
        threads: all.threads + one.threads,
        fds: all.fds + one.fds,
    })
}

fn push(to: &Aside, at: Offset, who: Who, usage: Usage, metrics: Vec<(String, f64)>) {
    let Usage { cpu, rss_bytes, threads, fds } = usage;
    let row = Resources { at, who, cpu: cpu.max(0.0), rss_bytes, threads, fds, metrics };
    to.push(Entry::Resources(Box::new(row)));
}

/// Metrics of the server, or of all its instances together: each says at its own address what would be one of them's at the
/// common one.
fn all_metrics(address: SocketAddr, instances: &[u32]) -> Vec<(String, f64)> {
    if instances.is_empty() {
        return metrics(address).unwrap_or_default();
    }
    let listens = |pid: &u32| proc::word_after(*pid, "--listen")?.parse().ok();
    together(instances.iter().filter_map(listens).filter_map(metrics))
}

/// Ages are those of the oldest, everything else is added up.
fn together(pages: impl Iterator<Item = Vec<(String, f64)>>) -> Vec<(String, f64)> {
    let mut all: Vec<(String, f64)> = Vec::new();
    for (name, value) in pages.flatten() {
        match all.iter_mut().find(|(known, _)| *known == name) {
            Some((_, most)) if name.contains("oldest") || name.contains("_age_") => *most = most.max(value),
            Some((_, sum)) => *sum += value,
            None => all.push((name, value)),
        }
    }
    all
}

/// `GET /metrics` in the text format of Prometheus.
fn metrics(address: SocketAddr) -> Option<Vec<(String, f64)>> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
    let mut page = String::new();
    stream.take(PAGE).read_to_string(&mut page).ok()?;
    page.starts_with("HTTP/1.1 200").then(|| parse(&page))
}

/// All gauges, and the counters without labels: what says how full a server is, and not who asked for what.
fn parse(page: &str) -> Vec<(String, f64)> {
    let mut gauge = "";
    let lines = page.lines().filter_map(|line| {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            gauge = kind.strip_suffix(" gauge").unwrap_or_default();
            return None;
        }
        let (name, value) = line.rsplit_once(' ')?;
        let (family, labels) = name.split_once('{').unwrap_or((name, ""));
        let known = family.starts_with(|c: char| c.is_ascii_alphabetic()) && !family.contains([' ', ':']);
        if !known || (family != gauge && !labels.is_empty()) {
            return None;
        }
        // `busy{pool="main"}` becomes `busy.main`.
        let labels = labels.split('"').skip(1).step_by(2).map(|label| format!(".{label}"));
        Some((format!("{family}{}", labels.collect::<String>()), value.parse().ok()?))
    });
    lines.take(METRICS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gauges_and_plain_counters_are_kept() {
        let page = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n# HELP busy Slots.\n# TYPE busy gauge\n\
                    busy{pool=\"main\"} 3\nbusy{pool=\"issuer\"} 0\n# TYPE served counter\nserved{class=\"form\"} 9\n\
                    # TYPE commits counter\ncommits 12.5\n";
        let kept = parse(page);
        let expected = [("busy.main", 3.0), ("busy.issuer", 0.0), ("commits", 12.5)];
        assert_eq!(kept, expected.map(|(name, value)| (name.to_owned(), value)));
    }

    #[test]
    fn of_several_instances_the_numbers_are_added_and_the_oldest_counts() {
        let page = |busy, oldest| vec![("busy".to_owned(), busy), ("oldest_seconds".to_owned(), oldest)];
        let all = together([page(3.0, 0.5), page(4.0, 2.0), page(0.0, 1.0)].into_iter());
        assert_eq!(all, page(7.0, 2.0));
    }
}
