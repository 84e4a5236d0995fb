//! M/M/8 at load 0.9 in NeXosim: one model that schedules its own arrivals and ends of service, one thread.
//!
//! Prints seconds of processor time and the mean wait of the customers after the warm-up.

use std::collections::VecDeque;
use std::error::Error;
use std::time::Duration;

use nexosim::model::{Context, Model, schedulable};
use nexosim::ports::EventSource;
use nexosim::simulation::{Mailbox, SimInit};
use nexosim::time::MonotonicTime;
use serde::{Deserialize, Serialize};

const SERVERS: u32 = 8;
const RATE: f64 = 7.2;
const WARM_UP_SECONDS: f64 = 1_000.0;

#[derive(Serialize, Deserialize)]
struct Station {
    left: u64,
    busy: u32,
    queue: VecDeque<f64>,
    random: u64,
    waits: f64,
    measured: u64,
    /// Where the sum and the count go at the end.
    #[serde(skip)]
    report: Option<std::sync::mpsc::Sender<(f64, u64)>>,
}

#[Model]
impl Station {
    async fn start(&mut self, _: (), cx: &Context<Self>) {
        self.next_arrival(cx);
    }

    #[nexosim(schedulable)]
    async fn arrive(&mut self, _: (), cx: &Context<Self>) {
        let now = seconds(cx);
        if self.busy < SERVERS {
            self.busy += 1;
            self.serve(now, now, cx);
        } else {
            self.queue.push_back(now);
        }
        self.left -= 1;
        if self.left > 0 {
            self.next_arrival(cx);
        }
    }

    #[nexosim(schedulable)]
    async fn finish(&mut self, _: (), cx: &Context<Self>) {
        match self.queue.pop_front() {
            Some(came) => self.serve(came, seconds(cx), cx),
            None => {
                self.busy -= 1;
                if let Some(report) = self.report.as_ref().filter(|_| self.busy == 0 && self.left == 0) {
                    report.send((self.waits, self.measured)).expect("the main thread reads it");
                }
            }
        }
    }

    fn next_arrival(&mut self, cx: &Context<Self>) {
        let gap = self.exponential(1.0 / RATE);
        cx.schedule_event(gap, schedulable!(Self::arrive), ()).expect("the gap is not zero");
    }

    fn serve(&mut self, came: f64, now: f64, cx: &Context<Self>) {
        if came >= WARM_UP_SECONDS {
            self.waits += now - came;
            self.measured += 1;
        }
        let work = self.exponential(1.0);
        cx.schedule_event(work, schedulable!(Self::finish), ()).expect("the work is not zero");
    }

    /// SplitMix64, as in the simulation it is compared with.
    fn exponential(&mut self, mean: f64) -> Duration {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.random;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^= bits >> 31;
        let unit = ((bits >> 11) + 1) as f64 / (1_u64 << 53) as f64;
        Duration::from_secs_f64(-unit.ln() * mean).max(Duration::from_nanos(1))
    }
}

fn seconds(cx: &Context<Station>) -> f64 {
    let time = cx.time();
    time.as_secs() as f64 + f64::from(time.subsec_nanos()) * 1e-9
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<u64>());
    let (Some(customers), Some(seed)) = (numbers.next(), numbers.next()) else {
        return Err("usage: mm8-nexosim CUSTOMERS SEED".into());
    };
    let (report, result) = std::sync::mpsc::channel();
    let station = Station {
        left: customers?,
        busy: 0,
        queue: VecDeque::new(),
        random: seed?,
        waits: 0.0,
        measured: 0,
        report: Some(report),
    };
    let mailbox = Mailbox::new();
    let mut assembly = SimInit::with_num_threads(1);
    let start = EventSource::new().connect(Station::start, &mailbox).register(&mut assembly);
    let mut simulation = assembly.add_model(station, mailbox, "station").init(MonotonicTime::EPOCH)?;
    let began = processor_seconds();
    simulation.process_event(&start, ())?;
    simulation.run()?;
    let elapsed = processor_seconds() - began;
    let (waits, measured) = result.recv()?;
    println!("{elapsed} {}", waits / measured as f64);
    Ok(())
}

/// What all threads of this process have spent on a processor.
fn processor_seconds() -> f64 {
    let threads = std::fs::read_dir("/proc/self/task").expect("Linux").flatten();
    let spent = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("schedstat")).ok());
    spent.filter_map(|line| line.split(' ').next()?.parse::<f64>().ok()).sum::<f64>() / 1e9
}
