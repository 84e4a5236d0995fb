//! What this machine allows, without a tool: how late a loop is that does nothing but wait for the instants of a Poisson
//! process, and one that sends a ready-made request at each of them.
//!
//! `floor timer RATE SECONDS` waits with a timerfd, `floor spin RATE SECONDS` by looking at the clock;
//! `floor wire RATE SECONDS HOST:PORT FILE` posts a file over 64 connections, on one thread, without a runtime: as little
//! as a generator can do. Each prints its lateness in microseconds as JSON.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use peakday::rng::Key;
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};

const CONNECTIONS: usize = 64;
/// Not measured: connections are opened, caches are cold.
const WARM_UP: f64 = 1.0;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut arguments = arguments.iter().map(String::as_str);
    let mut next = || arguments.next().expect("floor timer|spin|wire RATE SECONDS [HOST:PORT FILE]");
    let (mode, rate, seconds) = (next(), next(), next());
    let mut instants = Instants::new(rate.parse().expect("a rate"), seconds.parse().expect("seconds"));
    let mut lags = match mode {
        "spin" => spin(&mut instants),
        "timer" => timer(&mut instants)?,
        "wire" => wire(&mut instants, next(), next())?,
        other => panic!("{other}: timer, spin or wire"),
    };
    lags.sort_unstable();
    let at = |q: f64| lags[((lags.len() - 1) as f64 * q) as usize].as_micros();
    #[expect(clippy::print_stdout, reason = "the script reads the figures")]
    {
        println!(
            "{{\"p50\":{},\"p90\":{},\"p99\":{},\"p999\":{},\"max\":{}}}",
            at(0.5),
            at(0.9),
            at(0.99),
            at(0.999),
            at(1.0)
        );
    }
    Ok(())
}

/// The instants of a Poisson process, from now on.
struct Instants {
    begun: Instant,
    rate: f64,
    count: u64,
    at: f64,
    end: f64,
}

impl Instants {
    fn new(rate: f64, seconds: f64) -> Self {
        Self { begun: Instant::now(), rate, count: 0, at: 0.0, end: WARM_UP + seconds }
    }

    /// The instant that comes next.
    fn now(&self) -> Option<Instant> {
        (self.at < self.end).then(|| self.begun + Duration::from_secs_f64(self.at))
    }

    fn go_on(&mut self) {
        self.count += 1;
        self.at -= (1.0 - Key::root(1).with(self.count).unit()).ln() / self.rate;
    }

    fn is_measured(&self) -> bool {
        self.at >= WARM_UP
    }
}

fn spin(instants: &mut Instants) -> Vec<Duration> {
    let mut lags = Vec::new();
    while let Some(due) = instants.now() {
        while Instant::now() < due {
            std::hint::spin_loop();
        }
        if instants.is_measured() {
            lags.push(due.elapsed());
        }
        instants.go_on();
    }
    lags
}

fn set(timer: BorrowedFd<'_>, due: Instant) -> io::Result<()> {
    // Zero would disarm it.
    let after = due.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
    let after = Timespec { tv_sec: after.as_secs() as i64, tv_nsec: i64::from(after.subsec_nanos()) };
    let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: after };
    Ok(timerfd_settime(timer, TimerfdTimerFlags::empty(), &once).map(drop)?)
}

fn timer(instants: &mut Instants) -> io::Result<Vec<Duration>> {
    let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC)?;
    let mut lags = Vec::new();
    while let Some(due) = instants.now() {
        while Instant::now() < due {
            set(timer.as_fd(), due)?;
            rustix::io::read(&timer, &mut [0; 8])?;
        }
        if instants.is_measured() {
            lags.push(due.elapsed());
        }
        instants.go_on();
    }
    Ok(lags)
}

fn wire(instants: &mut Instants, to: &str, file: &str) -> io::Result<Vec<Duration>> {
    let body = std::fs::read(file)?;
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {to}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let request = [head.as_bytes(), &body].concat();
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
    let edge = epoll::EventFlags::IN | epoll::EventFlags::ET;
    epoll::add(&poll, &timer, epoll::EventData::new_u64(CONNECTIONS as u64), edge)?;
    let mut connections = Vec::new();
    for number in 0..CONNECTIONS {
        let stream = TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        epoll::add(&poll, &stream, epoll::EventData::new_u64(number as u64), edge)?;
        connections.push(stream);
    }
    let mut idle: Vec<usize> = (0..CONNECTIONS).collect();
    let mut lags = Vec::new();
    let mut events = Vec::with_capacity(CONNECTIONS + 1);
    let mut answer = [0; 4_096];
    instants.begun = Instant::now();
    while let Some(due) = instants.now() {
        let now = Instant::now();
        if now >= due
            && let Some(number) = idle.pop()
        {
            if instants.is_measured() {
                lags.push(now - due);
            }
            connections[number].write_all(&request)?;
            instants.go_on();
            continue;
        }
        if now < due {
            set(timer.as_fd(), due)?;
        }
        events.clear();
        epoll::wait(&poll, spare_capacity(&mut events), None)?;
        for event in &events {
            let number = event.data.u64() as usize;
            // The answer is small: one segment, one read.
            if number < CONNECTIONS && connections[number].read(&mut answer).is_ok_and(|count| count > 0) {
                idle.push(number);
            }
        }
    }
    Ok(lags)
}
