//! Who was served and who was not: the journeys of each population, as shares, as counts and in nines.

use crate::report::axis::Axis;
use crate::report::canvas::{Canvas, Drawn, HEAD, LABEL, Pen, Place, Stroke};
use crate::report::facts::{Facts, JourneyFacts, ServerFacts};
use crate::report::figures::Figure;
use crate::report::lettering;
use crate::report::role::{Dash, Role};
use crate::report::say;

const ROW: f64 = 24.0;
const GROUP_HEAD: f64 = 28.0;
const GROUP_GAP: f64 = 10.0;
const TOP: f64 = 62.0;
/// Columns: names, bars, counts, nines. Bars begin after the longest name, within limits.
const NAME: f64 = 12.0;
const BARS_LEFT: (f64, f64) = (130.0, 280.0);
const BARS_RIGHT: f64 = 500.0;
const COUNTS: f64 = 512.0;
const NINES: (f64, f64) = (690.0, 925.0);

/// A population with its journeys under each configuration that played it.
struct Group<'a> {
    name: &'a str,
    legitimate: bool,
    rows: Vec<(usize, &'a JourneyFacts)>,
}

pub(super) fn figure(facts: &Facts) -> Drawn<Option<Figure>> {
    let groups = groups(facts);
    let Some(most) = groups.iter().flat_map(|g| &g.rows).map(|(_, j)| j.judged).max().filter(|n| *n > 0)
    else {
        return Ok(None);
    };
    let heights = groups.iter().map(|g| GROUP_HEAD + g.rows.len() as f64 * ROW + GROUP_GAP);
    let bottom = TOP + heights.sum::<f64>();
    let canvas = Canvas::new(bottom + 34.0);
    let axis = Axis::nines_to_all(most);
    let nines = canvas.panel(
        Place { left: NINES.0, right: NINES.1, top: TOP, bottom },
        axis.clone(),
        Axis::bare(0.0, 1.0),
    );
    for tick in &axis.ticks {
        let (x, _) = nines.at(tick.at, 0.0);
        canvas.line((x, TOP + 8.0), (x, bottom), Stroke::new(Role::Grid, 1.0))?;
    }
    nines.grid()?;
    if let Some(bound) = facts.clean_bound.filter(|bound| *bound < 1.0) {
        let (x, _) = nines.at(axis.clamp(bound), 0.0);
        canvas.line((x, TOP + 8.0), (x, bottom), Stroke::new(Role::Slo, 1.2).dash(Dash::Dashed))?;
        let text = format!("SLO {}", say::share(bound));
        canvas.text((x, TOP - 2.0), &text, Pen::new(Role::Slo, LABEL).middle())?;
    }
    let longest = facts.servers.iter().map(|s| lettering::bold_width(&s.name, LABEL)).fold(0.0, f64::max);
    let bars = (NAME + longest + 14.0).clamp(BARS_LEFT.0, BARS_LEFT.1);
    key(&canvas, facts)?;
    let muted = Pen::new(Role::Muted, LABEL);
    canvas.text((NINES.0, TOP - 20.0), "share of clean journeys, in nines", muted)?;
    let mut y = TOP;
    for group in &groups {
        let mark = if group.legitimate { "" } else { " (unwanted)" };
        let at = (NAME, y + GROUP_HEAD / 2.0 + 2.0);
        canvas.text(at, &format!("{}{mark}", group.name), Pen::new(Role::Ink, HEAD).bold())?;
        y += GROUP_HEAD;
        for (server, journeys) in &group.rows {
            row(&canvas, y + ROW / 2.0, bars, *server, &facts.servers[*server].name, journeys)?;
            if journeys.judged > 0 {
                let (x, _) = nines.at(axis.share(journeys.clean, journeys.judged), 0.0);
                canvas.disc((x, y + ROW / 2.0), 5.0, Role::Server(*server), true)?;
            }
            y += ROW;
        }
        y += GROUP_GAP;
    }
    Ok(Some(Figure {
        name: "journeys-served",
        title: title(facts),
        note: "Journeys that arrived in the measured part, early enough to end in it, and whose end can be told. Clean: \
               completed, and no request of it was refused, timed out or failed. On the scale at the right each step is \
               ten times fewer journeys marred."
            .to_owned(),
        drawing: Some(canvas.finish()),
        readout: None,
    }))
}

/// Name, bar and counts of one configuration.
fn row(canvas: &Canvas, y: f64, bars: f64, server: usize, name: &str, journeys: &JourneyFacts) -> Drawn {
    let name = lettering::fit_bold(name, LABEL, bars - NAME - 10.0);
    canvas.text((NAME, y), &name, Pen::new(Role::ServerText(server), LABEL).bold())?;
    let all = journeys.judged.max(1) as f64;
    let width = |n: u64| n as f64 / all * (BARS_RIGHT - bars);
    let mut left = bars;
    for (n, role, opacity) in parts(server, journeys) {
        let right = left + width(n);
        if n > 0 {
            canvas.fill(Place { left, right, top: y - 7.5, bottom: y + 7.5 }, role, opacity)?;
        }
        left = right;
    }
    let share = say::share_of(journeys.clean, journeys.judged);
    let text = match journeys.judged {
        0 => "no journey to judge".to_owned(),
        // A million written out would run into the next column.
        judged => {
            let say = if judged < 1_000_000 { say::count } else { say::short_count };
            format!("{share}, {} of {}", say(journeys.clean), say(judged))
        }
    };
    canvas.text((COUNTS, y), &text, Pen::new(Role::Ink, LABEL))
}

/// The parts of a bar: how many, and how they are painted.
fn parts(server: usize, journeys: &JourneyFacts) -> [(u64, Role, f64); 4] {
    [
        (journeys.clean, Role::Server(server), 1.0),
        (journeys.marred, Role::Server(server), 0.4),
        (journeys.gave_up, Role::Failed, 1.0),
        (journeys.stuck, Role::TimedOut, 1.0),
    ]
}

/// What the parts of the bars mean, in their order.
fn key(canvas: &Canvas, facts: &Facts) -> Drawn {
    let names = ["clean", "completed after failures", "gave up", "still trying at the end"];
    let any = JourneyFacts {
        population: String::new(),
        legitimate: true,
        judged: 0,
        clean: 0,
        marred: 0,
        gave_up: 0,
        stuck: 0,
    };
    let mut x = NAME;
    for (at, name) in names.into_iter().enumerate() {
        // The first two parts have the hue of their configuration: one square for each.
        let servers = if at < 2 { facts.servers.len().min(4) } else { 1 };
        for server in 0..servers {
            let (_, role, opacity) = parts(server, &any)[at];
            canvas.fill(Place { left: x, right: x + 11.0, top: 12.0, bottom: 23.0 }, role, opacity)?;
            x += 13.0;
        }
        x += 5.0;
        canvas.text((x, 17.5), name, Pen::new(Role::Muted, LABEL))?;
        x += lettering::width(name, LABEL) + 18.0;
    }
    Ok(())
}

/// Populations with journeys to judge, in the order of the scenario, those first that the operator wants.
fn groups(facts: &Facts) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (index, server) in facts.servers.iter().enumerate() {
        for journeys in &server.journeys {
            match groups.iter_mut().find(|g| g.name == journeys.population) {
                Some(group) => group.rows.push((index, journeys)),
                None => groups.push(Group {
                    name: &journeys.population,
                    legitimate: journeys.legitimate,
                    rows: vec![(index, journeys)],
                }),
            }
        }
    }
    groups.retain(|group| group.rows.iter().any(|(_, journeys)| journeys.judged > 0));
    groups.sort_by_key(|group| !group.legitimate);
    groups
}

fn title(facts: &Facts) -> String {
    let share = |server: &ServerFacts| {
        let wanted = || server.journeys.iter().filter(|j| j.legitimate);
        say::share_of(wanted().map(|j| j.clean).sum(), wanted().map(|j| j.judged).sum())
    };
    let servers: Vec<(&str, String)> = facts.servers.iter().map(|s| (s.name.as_str(), share(s))).collect();
    let [(first, its_share), others @ ..] = servers.as_slice() else { return String::new() };
    let others = others.iter().map(|(name, share)| format!(", {name} {share}"));
    format!("{first} served {its_share} of the journeys cleanly{}", others.collect::<String>())
}
