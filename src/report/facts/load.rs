//! Reads a record into facts, one row at a time.

use std::collections::BTreeSet;
use std::io;

use super::{
    Band, Facts, Flow, JourneyFacts, Lost, Moment, Response, Second, ServerFacts, StationFacts, StationPoint,
    TimeBound,
};
use crate::record::{Clock, Event, Histogram, IntervalRow, Layout, Run, ServerRecord, What};
use crate::report::windows;
use crate::scenario::Outcome;
use crate::scenario::slo::{Aggregate, Bound, Metric, Slo};
use crate::stats::{Estimated, Estimates, Journeys, PopulationSummary, ServerSummary, Summary, lag_limit};

/// Most moments of a run: each holds four histograms of up to 0.1 MB.
const MOMENTS: usize = 150;

const CLOCKS: [Clock; 4] = [Clock::Response, Clock::Pacer, Clock::Lane, Clock::Lag];

impl Facts {
    /// The facts of a run. What the summary says is taken from it, so that a plot never contradicts a table.
    ///
    /// # Errors
    /// When a file of the record cannot be read.
    pub(in crate::report) fn read(run: &Run, summary: &Summary) -> io::Result<Self> {
        let layout = &run.header.layout;
        let interval = layout.interval.secs_f64();
        let timeline = layout.timeline;
        let length = timeline.measured() + timeline.drain;
        let joined = windows::at_most((length.secs_f64() / interval).ceil() as usize, MOMENTS);
        let slos: Vec<Slo> = run.header.slos.iter().filter_map(|text| text.parse().ok()).collect();
        let mut servers = Vec::new();
        for server in &run.servers {
            if let Some(summed) = summary.servers.iter().find(|s| s.name == server.header.name) {
                servers.push(read_server(server, summed, joined)?);
            }
        }
        let played = layout.populations.iter().filter(|population| population.played);
        Ok(Self {
            timeline,
            moment: interval * joined as f64,
            servers,
            bounds: slos.iter().filter_map(time_bound).collect(),
            clean_bound: clean_bound(&slos),
            lag_limit: played.filter_map(|population| lag_limit(population, &slos)).min_by(f64::total_cmp),
        })
    }
}

fn read_server(server: &ServerRecord, summed: &ServerSummary, joined: usize) -> io::Result<ServerFacts> {
    let layout = &server.layout;
    let mut flows = read_flows(server)?;
    let mut response = Response::default();
    let mut moments: Vec<Moment> = Vec::new();
    for row in server.intervals(&CLOCKS)? {
        let row = row?;
        let at = usize::try_from(row.interval.max(0)).unwrap_or(0) / joined;
        while moments.len() <= at {
            moments.push(Moment::empty(layout, moments.len() * joined));
        }
        let legitimate = layout.populations[usize::from(row.population)].legitimate;
        if row.clock == Clock::Response {
            if legitimate {
                add(&mut response, &row);
                add(&mut moments[at].response, &row);
            }
            if row.outcome == Outcome::Ok {
                count_good(&mut flows, layout, &row);
            }
        } else {
            moments[at].wait(row.clock).add(&row.histogram);
        }
    }
    // Of a record that was cut off the log does not have all that was under way.
    response.lost.in_flight = summed.legitimate.totals.in_flight_at_end;
    let estimates = server.estimates::<Estimates>()?.filter(|estimates| estimates.replications > 1);
    Ok(ServerFacts {
        name: server.header.name.clone(),
        response,
        moments,
        flows: flows.into_iter().flatten().collect(),
        stations: read_stations(server)?,
        replications: estimates.as_ref().map_or(1, |estimates| estimates.replications),
        bands: estimates.map_or_else(Vec::new, |estimates| bands(layout, &estimates)),
        journeys: summed.populations.iter().map(journeys).collect(),
        happenings: server.events.iter().filter_map(happening).collect(),
    })
}

/// The stations of a simulated server that anybody came to, all classes together.
fn read_stations(server: &ServerRecord) -> io::Result<Vec<StationFacts>> {
    let layout = &server.layout;
    let length = layout.interval.secs_f64().min(layout.timeline.measured().secs_f64());
    let mut stations: Vec<(StationFacts, u64)> = Vec::new();
    let rows = server.stations()?;
    // A station of several classes has a row for all of them.
    let several: BTreeSet<&String> =
        rows.iter().filter(|row| row.class.is_empty()).map(|row| &row.station).collect();
    for row in &rows {
        if !row.class.is_empty() && several.contains(&row.station) {
            continue;
        }
        let place =
            stations.iter().position(|(station, _)| station.name == row.station).unwrap_or_else(|| {
                stations.push((StationFacts { name: row.station.clone(), points: Vec::new() }, 0));
                stations.len() - 1
            });
        let (t, queue, utilization) = (row.at.secs_f64(), row.queue_mean, row.utilization);
        stations[place].0.points.push(StationPoint { t, length, queue, utilization });
        stations[place].1 += row.arrivals;
    }
    Ok(stations.into_iter().filter(|(_, arrivals)| *arrivals > 0).map(|(station, _)| station).collect())
}

fn bands(layout: &Layout, estimates: &Estimates) -> Vec<Band> {
    let end = layout.timeline.end().secs_f64();
    let of = |band: &crate::stats::Band| Band {
        t: band.t,
        length: layout.interval.secs_f64().min(end - band.t),
        quantiles: ["response_us.p50", "response_us.p90", "response_us.p99", "response_us.p999"]
            .map(|name| band.of.get(name)),
        errors: band.of.get(Estimated::ERRORS),
    };
    estimates.bands.iter().map(of).collect()
}

/// By population of the layout; `None` for those that were left out.
fn read_flows(server: &ServerRecord) -> io::Result<Vec<Option<Flow>>> {
    let layout = &server.layout;
    let (mut first, mut last) = (i64::MAX, i64::MIN);
    for row in server.counters()? {
        let interval = row?.interval;
        (first, last) = (first.min(interval), last.max(interval));
    }
    let empty = |interval: i64| {
        let t = layout.interval_start(interval);
        let length = layout.interval.secs_f64();
        Second { t: t.secs_f64(), length, good: layout.measures(t).then_some(0), ..Second::default() }
    };
    let flow = |population: &crate::record::PopulationLayout| {
        population.played.then(|| Flow {
            population: population.name.clone(),
            legitimate: population.legitimate,
            seconds: (first..=last).map(empty).collect(),
        })
    };
    let mut flows: Vec<Option<Flow>> = layout.populations.iter().map(flow).collect();
    for row in server.counters()? {
        let row = row?;
        let Some(flow) = &mut flows[usize::from(row.population)] else { continue };
        let second = &mut flow.seconds[(row.interval - first) as usize];
        second.offered += row.offered;
        second.sent += row.sent;
        second.completed += row.ok + row.failed + row.shed;
        second.shed += row.shed;
        second.timed_out += row.timed_out;
        second.failed += row.failed;
        second.not_sent += row.not_sent;
    }
    Ok(flows)
}

/// Adds the successes of a row that are within their step's SLO to the interval in which they ended.
fn count_good(flows: &mut [Option<Flow>], layout: &Layout, row: &IntervalRow) {
    let step = &layout.populations[usize::from(row.population)].steps[usize::from(row.step)];
    let good = match step.slo {
        Some(slo) => row.histogram.count_at_most(slo.micros()),
        None => row.histogram.count(),
    };
    let t = layout.interval_start(row.interval).secs_f64();
    let Some(flow) = &mut flows[usize::from(row.population)] else { return };
    let near = flow.seconds.partition_point(|second| second.t < t - 1e-9);
    if let Some(second) = flow.seconds.get_mut(near) {
        second.good = Some(second.good.unwrap_or(0) + good);
    }
}

fn happening(event: &Event) -> Option<(f64, String)> {
    let name = match &event.what {
        What::Incident { name, .. } => name.clone(),
        What::Aborted { .. } => "aborted".to_owned(),
        What::ServerExited { wanted: false, .. } => "server ended".to_owned(),
        _ => return None,
    };
    Some((event.at.secs_f64(), name))
}

fn journeys(population: &PopulationSummary) -> JourneyFacts {
    let Journeys { completed, clean, gave_up, judged, .. } = population.journeys;
    JourneyFacts {
        population: population.name.clone(),
        legitimate: population.legitimate,
        judged,
        clean,
        marred: completed.saturating_sub(clean),
        gave_up,
        stuck: judged.saturating_sub(completed + gave_up),
    }
}

impl Moment {
    fn empty(layout: &Layout, interval: usize) -> Self {
        Self {
            t: layout.interval_start(interval as i64).secs_f64(),
            response: Response::default(),
            pacer: Histogram::new(),
            lane: Histogram::new(),
            lag: Histogram::new(),
        }
    }

    fn wait(&mut self, clock: Clock) -> &mut Histogram {
        match clock {
            Clock::Pacer => &mut self.pacer,
            Clock::Lane => &mut self.lane,
            _ => &mut self.lag,
        }
    }
}

fn add(response: &mut Response, row: &IntervalRow) {
    let count = row.histogram.count();
    let lost = match row.outcome {
        Outcome::Ok => {
            response.ok.add(&row.histogram);
            return;
        }
        Outcome::Failed => Lost { failed: count, ..Lost::default() },
        Outcome::Shed => Lost { shed: count, ..Lost::default() },
        Outcome::TimedOut => Lost { timed_out: count, ..Lost::default() },
        Outcome::NotSent => Lost { not_sent: count, ..Lost::default() },
        Outcome::InFlight => Lost { in_flight: count, ..Lost::default() },
    };
    response.lost.add(&lost);
}

fn time_bound(slo: &Slo) -> Option<TimeBound> {
    let quantile = match slo.measure.aggregate {
        Aggregate::P50 => 0.5,
        Aggregate::P90 => 0.9,
        Aggregate::P95 => 0.95,
        Aggregate::P99 => 0.99,
        Aggregate::P999 => 0.999,
        _ => return None,
    };
    match (slo.measure.metric, slo.bound) {
        (Metric::ResponseTime, Bound::Time(bound)) => Some(TimeBound {
            quantile,
            micros: bound.micros() as f64,
            whose: slo.measure.selector.population.iter().cloned().collect(),
        }),
        _ => None,
    }
}

/// The share of clean journeys that is promised, where all such promises agree.
fn clean_bound(slos: &[Slo]) -> Option<f64> {
    let mut bounds = slos.iter().filter_map(|slo| match (slo.measure.metric, slo.bound) {
        (Metric::Clean, Bound::Share(share)) => Some(share),
        _ => None,
    });
    let first = bounds.next()?;
    bounds.all(|bound| bound == first).then_some(first)
}
