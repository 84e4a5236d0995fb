//! Plain queueing systems whose queues would grow for as long as they are watched, named before they run.
//!
//! The load of a station is the rate of the visits to it (traffic equations: what comes from outside, and what is handed
//! on from step to step) times the mean work of a visit. Where nobody is ever turned away, loses patience or gives up,
//! a load above the servers has no steady state.

use crate::scenario::queueing::{Batch, Coming, Customers, Profile, Queueing};
use crate::scenario::server_model::{Leaving, StationModel};
use crate::scenario::{Law, Work};
use crate::units::Span;

/// Passes over the routes: enough for loops that are left with a chance of a hundredth.
const PASSES: usize = 4_096;

/// Every station that can never keep up, in words.
pub(super) fn problems(system: &Queueing) -> Vec<String> {
    // Who looks at instants after a beginning asks for no steady state.
    let passing = !system.observe.is_empty() && system.cycle.is_none() && system.run_in == Span::ZERO;
    if system.may_grow || passing {
        return Vec::new();
    }
    let stations = &system.model.stations;
    let mut load = vec![0.0; stations.len()];
    // Whose load is not known: somebody may leave on the way there, or always returns.
    let mut unknown = vec![false; stations.len()];
    let mut even = true;
    for customers in &system.customers {
        let Some(rate) = rate_at_last(customers) else { continue };
        let fixed = |class: &u16| {
            matches!(system.model.classes[usize::from(*class)].work, Work::Law(Law::Constant(_)))
        };
        even &= matches!(customers.arrivals, Coming::Even(_))
            && customers.route.iter().all(|leg| fixed(&leg.class));
        let of = |class: u16| usize::from(system.model.classes[usize::from(class)].station);
        let loses = |station: usize| loses(&stations[station], customers);
        let somewhere = customers.route.iter().any(|leg| loses(of(leg.class)));
        for (leg, visits) in customers.route.iter().zip(visits(customers)) {
            let station = of(leg.class);
            let work = system.model.classes[usize::from(leg.class)].work.mean().secs_f64();
            load[station] += rate * visits * work;
            unknown[station] |= somewhere;
        }
    }
    let mut problems = Vec::new();
    for (station, (load, unknown)) in stations.iter().zip(load.into_iter().zip(unknown)) {
        let Some(servers) = station.servers else { continue };
        let last = station.capacity.last().map_or(servers, |(_, servers)| *servers);
        let servers = f64::from(last) * f64::from(station.instances);
        let at_its_end = (load - servers).abs() <= 1e-9 * servers;
        if !unknown && load > 0.0 && (load > servers && !at_its_end || at_its_end && !even) {
            problems.push(format!(
                "station {} is unstable for ever: the offered load is {load:.4} servers' work and there are {servers}, and \
                 nobody is turned away or leaves; lower the rate or the work, add servers, write a queue, a bucket, a \
                 longest_wait or a patience, or run.may_grow = true to watch the queue grow",
                station.name
            ));
        }
    }
    problems
}

/// Customers per second in the end; `None` of a closed number of them, who cannot be more than they are.
fn rate_at_last(customers: &Customers) -> Option<f64> {
    let batch = match customers.batch {
        Batch::Fixed(size) => f64::from(size),
        Batch::Geometric(mean) => mean,
    };
    let rate = match &customers.arrivals {
        Coming::Poisson(profile) | Coming::Even(profile) => match profile {
            Profile::Constant(rate) => *rate,
            Profile::Steps(steps) => steps.last()?.1,
            Profile::Sinusoid { base, .. } => *base,
        },
        Coming::Renewal(law) => 1.0 / law.mean().secs_f64(),
        Coming::Closed { .. } => return None,
    };
    Some(rate * batch)
}

/// Whether customers may leave this station unserved, and for good.
fn loses(station: &StationModel, customers: &Customers) -> bool {
    let bounded = station.queue.is_some() || station.bucket.is_some() || station.limit.is_some();
    let turned_away = bounded || station.longest_wait.is_some();
    let leaves = customers.patience.is_some() && station.abandoned == Leaving::Drop;
    let returns =
        customers.retry.as_ref().is_some_and(|retry| retry.persistence >= 1.0 && retry.attempts.is_none());
    (turned_away || leaves) && !returns
}

/// How often a customer makes each step of the route, on average.
fn visits(customers: &Customers) -> Vec<f64> {
    let route = &customers.route;
    let mut visits = vec![0.0; route.len()];
    let mut now = vec![0.0; route.len()];
    now[0] = 1.0;
    for _ in 0..PASSES {
        let mut then = vec![0.0; route.len()];
        for (index, leg) in route.iter().enumerate() {
            visits[index] += now[index];
            if leg.next.is_empty() {
                if let Some(next) = then.get_mut(index + 1) {
                    *next += now[index];
                }
                continue;
            }
            let all: f64 = leg.next.iter().map(|(weight, _)| weight).sum();
            for (weight, to) in &leg.next {
                if let Some(to) = to {
                    then[usize::from(*to)] += now[index] * weight / all;
                }
            }
        }
        if then.iter().sum::<f64>() < 1e-12 {
            break;
        }
        now = then;
    }
    visits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::file::queueing;

    fn of(station: &str, customers: &str) -> Vec<String> {
        let text = format!(
            "about = \"x\"\n[run]\nduration = \"1h\"\n[[station]]\nname = \"s\"\n{station}\n[[customers]]\nname = \"c\"\n{customers}\n"
        );
        problems(&queueing::load(&text, "x").unwrap_or_else(|problems| panic!("{problems}")))
    }

    #[test]
    fn a_load_above_the_servers_is_named_unless_somebody_leaves() {
        let many = "arrivals = { poisson = \"3/s\" }\nwork = \"1s\"";
        let named = of("servers = 2", many);
        assert!(named.len() == 1 && named[0].contains("offered load is 3.0000"), "{named:?}");
        assert!(!of("servers = 3", many).is_empty(), "at its end, and at random");
        let none = Vec::<String>::new();
        assert_eq!(of("servers = 4", many), none);
        assert_eq!(of("servers = 2\nqueue = 5", many), none);
        assert_eq!(of("servers = 2\nlongest_wait = \"1s\"", many), none);
        assert_eq!(of("servers = 2", &format!("{many}\npatience = \"9s\"")), none);
        assert!(!of("servers = 2\nabandoned = \"serve\"", &format!("{many}\npatience = \"9s\"")).is_empty());
        assert!(!of("servers = 2\nqueue = 5", &format!("{many}\nretry = {{ after = \"9s\" }}")).is_empty());
        assert_eq!(of("servers = 1", "arrivals = { even = \"1/s\" }\nwork = \"1s\""), none);
    }

    #[test]
    fn feedback_multiplies_the_load() {
        let twice = "arrivals = { poisson = \"0.6/s\" }\n[[customers.step]]\nname = \"a\"\nwork = \"1s\"\nnext = { a = 1, end = 1 }";
        assert!(of("servers = 1", twice)[0].contains("1.2000"));
        assert_eq!(of("servers = 2", twice), Vec::<String>::new());
    }
}
