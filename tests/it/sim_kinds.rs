//! One more system of each kind that the language of plain queueing systems can say, against its exact answer.
//!
//! Accepted is what lies within 3 standard errors (of the spread between replications) or 1 % of the exact value. Sources:
//! last come first served has the second moment of first come first served / (1 - load) (Takagi, 1991); renewal arrivals,
//! and every second Poisson arrival, by the root of the arrivals' transform (G/M/1); infinite servers and product forms
//! (Jackson, closed populations) by Little and by Gordon and Newell; sharing is insensitive to the law of work (Cohen);
//! priorities by Cobham and by Jaiswal; patience by birth and death, and of constant length by Baccelli and Hebuterne (those
//! who are turned away at their turn leave the same queue); batches by M^X/M/1; retrials with persistence and the shorter of
//! two queues by solving their Markov chains, 81 in orbit and 45 a queue; service in groups as said there.

use peakday::scenario::file::queueing;
use peakday::sim::{self, Choice, Figure};

use Figure::*;

fn check(name: &str, duration: &str, system: &str, exact: &[(&str, Figure, f64)]) {
    let run = format!("[run]\nrun_in = \"1000s\"\nduration = \"{duration}\"\nreplications = 8\n");
    let text = format!("about = \"{name}\"\nseed = 3\n{run}{system}");
    let system = queueing::load(&text, name).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    let result = sim::queueing(&system, Choice::Auto, &|_| true).unwrap();
    for (class, figure, exact) in exact {
        let row = result.rows.iter().find(|row| row.class.as_deref() == Some(*class)).unwrap();
        let estimate = row.figure(*figure);
        let (found, error) = (estimate.mean().unwrap(), estimate.standard_error().unwrap());
        let most = (3.0 * error).max(0.01 * exact);
        assert!(
            (found - exact).abs() <= most,
            "{name}, {class}: {figure:?} is {found}, exactly {exact} (standard error {error})"
        );
    }
}

/// One station `s` and customers `c` of exponential work of mean 1 s.
fn one(station: &str, customers: &str) -> String {
    let work = "work = { exponential = { mean = \"1s\" } }";
    format!("[[station]]\nname = \"s\"\n{station}\n[[customers]]\nname = \"c\"\n{work}\n{customers}\n")
}

#[test]
fn disciplines() {
    let poisson = "arrivals = { poisson = \"0.8/s\" }";
    let last = one("servers = 1\ndiscipline = \"lifo\"", poisson);
    check(
        "last-come",
        "60000s",
        &last,
        &[("c", Wait, 4.0), ("c", PWait, 0.8), ("c", WaitDeviation, 13.564_66)],
    );
    let cores = "[[station]]\nname = \"s\"\nservers = 2\nqueue = 8\ndiscipline = \"sharing\"\n[[customers]]\nname = \"c\"\n\
                 arrivals = { poisson = \"1.6/s\" }\nwork = { lognormal = { mean = \"1s\", cv = 2 } }\n";
    let shared = [("c", PBlock, 0.026_378_6), ("c", PresentMean, 3.330_68)];
    check("sharing-two-cores-ten-places", "60000s", cores, &shared);
    // Served together: who comes to an idle server, with probability P0, is served alone; all others wait for the rest of the
    // group under way. P0 = mean idle time / mean cycle, whose groups follow each other while somebody comes meanwhile.
    let groups = |name: &str, work: &str, alone: f64, sojourn: f64| {
        let customers =
            format!("[[customers]]\nname = \"c\"\narrivals = {{ poisson = \"1/s\" }}\nwork = {work}\n");
        let station = "[[station]]\nname = \"s\"\ndiscipline = \"groups\"\n";
        check(
            name,
            "60000s",
            &format!("{station}{customers}"),
            &[("c", PWait, 1.0 - alone), ("c", Sojourn, sojourn)],
        );
    };
    groups("groups-exponential", "{ exponential = { mean = \"1s\" } }", 1.0 / 3.0, 5.0 / 3.0);
    groups("groups-constant", "\"1s\"", 0.268_941, 1.365_529);
    let two = |station: &str, high: &str, low: &str| {
        format!(
            "[[station]]\nname = \"s\"\n{station}\n[[customers]]\nname = \"high\"\n{high}\n[[customers]]\nname = \"low\"\n\
             priority = 1\n{low}\n"
        )
    };
    // Three classes of a load of 0.2, 0.3 and 0.3.
    let three = |discipline: &str| {
        let class = |(number, rate): (usize, f64)| {
            format!(
                "[[customers]]\nname = \"c{number}\"\npriority = {number}\narrivals = {{ poisson = \"{rate}/s\" }}\n\
                 work = {{ exponential = {{ mean = \"1s\" }} }}\n"
            )
        };
        let classes: String = [0.2, 0.3, 0.3].into_iter().enumerate().map(class).collect();
        format!("[[station]]\nname = \"s\"\nservers = 1\ndiscipline = \"{discipline}\"\n{classes}")
    };
    let waits = [("c0", Wait, 1.0), ("c1", Wait, 2.0), ("c2", Wait, 8.0)];
    check("three-priorities", "60000s", &three("priority"), &waits);
    let times = [("c0", Sojourn, 1.25), ("c1", Sojourn, 2.5), ("c2", Sojourn, 10.0)];
    check("three-preemptive", "60000s", &three("preemptive-priority"), &times);
    let half = "arrivals = { poisson = \"0.8/s\" }\nwork = { exponential = { mean = \"1s\" } }";
    let system = two("servers = 2\ndiscipline = \"priority\"", half, half);
    check("priority", "60000s", &system, &[("high", Wait, 0.592_593), ("low", Wait, 2.962_963)]);
    let system = two(
        "servers = 1\ndiscipline = \"preemptive-priority\"",
        "arrivals = { poisson = \"0.6/s\" }\nwork = \"500ms\"",
        "arrivals = { poisson = \"0.5/s\" }\nwork = { lognormal = { mean = \"1s\", cv = 1.5 } }",
    );
    check("preemptive", "60000s", &system, &[("high", Sojourn, 0.607_143), ("low", Sojourn, 7.767_857)]);
}

#[test]
fn arrivals_and_laws() {
    let round =
        one("servers = 1\ninstances = 2\ndispatch = \"round-robin\"", "arrivals = { poisson = \"1.6/s\" }");
    check("in-turn", "60000s", &round, &[("c", Sojourn, 3.843_98), ("c", PWait, 0.739_853)]);
    let renewal =
        "arrivals = { renewal = { hyperexponential = { share = 0.9, means = [\"800ms\", \"8s\"] } } }";
    check(
        "renewal",
        "200000s",
        &one("servers = 1", renewal),
        &[("c", Sojourn, 6.506_88), ("c", PWait, 0.846_316)],
    );
    let batch = "arrivals = { poisson = \"0.2/s\" }\nbatch = 3.0\nbatch_law = \"geometric\"";
    check("batches", "60000s", &one("servers = 1", batch), &[("c", PresentMean, 4.5)]);
    let closed = "arrivals = { closed = { count = 10, think = { exponential = { mean = \"10s\" } } } }";
    check(
        "closed",
        "60000s",
        &one("servers = 1", closed),
        &[("c", Throughput, 0.785_418), ("c", PresentMean, 2.145_82)],
    );
    let empirical = "[[station]]\nname = \"s\"\nservers = 1\n[[customers]]\nname = \"c\"\narrivals = { poisson = \"0.8/s\" }\n\
                     work = { empirical = [\"500ms\", \"500ms\", \"2s\"] }\n";
    check("empirical", "60000s", empirical, &[("c", Wait, 3.0)]);
    let infinite = "[[station]]\nname = \"s\"\n[[customers]]\nname = \"c\"\narrivals = { poisson = \"5/s\" }\n\
                    work = { lognormal = { median = \"1s\", sigma = 1.0 } }\n";
    check("infinite", "60000s", infinite, &[("c", BusyMean, 8.243_606), ("c", SojournP50, 1.0)]);
}

#[test]
fn routes_patience_and_coming_back() {
    let route = "[[station]]\nname = \"a\"\nservers = 1\n[[station]]\nname = \"b\"\nservers = 2\n[[customers]]\nname = \"c\"\n\
                 arrivals = { poisson = \"0.5/s\" }\n[[customers.step]]\nname = \"one\"\nstation = \"a\"\n\
                 work = { exponential = { mean = \"1s\" } }\nnext = { two = 3, end = 1 }\n[[customers.step]]\nname = \"two\"\n\
                 station = \"b\"\nwork = { exponential = { mean = \"2s\" } }\nnext = { one = 1, end = 2 }\n";
    check("feedback", "60000s", route, &[("c.one", PresentMean, 2.0), ("c.two", PresentMean, 4.0 / 3.0)]);
    let answer = "arrivals = { poisson = \"1.2/s\" }\npatience = { exponential = { mean = \"5s\" } }\npatience_until = \"answer\"";
    let left = [("c", PresentMean, 2.123_33), ("c", PAbandon, 0.353_888)];
    check("until-the-answer", "60000s", &one("servers = 1", answer), &left);
    let poisson = "arrivals = { poisson = \"0.8/s\" }";
    let late = one("servers = 1\nlongest_wait = \"2s\"", poisson);
    check("late", "60000s", &late, &[("c", PBlock, 0.187_832)]);
    let constant = one("servers = 1", &format!("{poisson}\npatience = \"2s\""));
    check("constant-patience", "60000s", &constant, &[("c", PAbandon, 0.187_832)]);
    // Wasted work: the queue is that of patient customers, and who waited longer than 2 s has gone.
    let wasted = one("servers = 1\nabandoned = \"serve\"", &format!("{poisson}\npatience = \"2s\""));
    check("wasted-work", "60000s", &wasted, &[("c", Wait, 4.0), ("c", PAbandon, 0.536_256)]);
    // A bucket of two tokens turns away as M/D/1 with two places does.
    let bucket = one("bucket = { rate = \"1/s\", burst = 2 }", "arrivals = { poisson = \"1.2/s\" }");
    check("token-bucket", "60000s", &bucket, &[("c", PBlock, 0.333_864)]);
    let again = "arrivals = { poisson = \"0.7/s\" }\nretry = { after = { exponential = { mean = \"2s\" } }, persistence = 0.8 }";
    let orbit = [("c", OrbitMean, 1.273_64), ("c", BusyMean, 0.540_795)];
    check("retrials", "60000s", &one("servers = 1\nqueue = 0", again), &orbit);
    let shorter = one(
        "servers = 1\ninstances = 2\ndispatch = \"shortest-queue\"",
        "arrivals = { poisson = \"1.6/s\" }",
    );
    check("shorter-queue", "60000s", &shorter, &[("c", PresentMean, 4.729_18)]);
}
