//! What requests need while they are in service: a connection of a pool, the store. What takes no time is left out, so
//! that the look-ahead engine can run a model whose store does.

use crate::scenario::ServerModel;
use crate::scenario::server_model::{ClassModel, Discipline, Spared, StationModel};
use crate::units::Span;

/// What lies behind each class, in order, and which classes nobody ever comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Behind {
    /// By class.
    pub(super) needs: Vec<Vec<u16>>,
    /// By class: which of these are spared while something is in memory.
    pub(super) spared: Vec<Vec<Spared>>,
    /// By class: it lies behind others, or is a message's, and takes no time.
    pub(super) idle: Vec<bool>,
    /// The class of the change that every message makes when it has gone, if it takes time.
    pub(super) erases: Option<u16>,
}

impl Behind {
    /// Of a sound model; `longer` are classes that take longer at some time of the run.
    pub(super) fn new(model: &ServerModel, longer: &[u16]) -> Self {
        let needed =
            |of: &Vec<u16>| of.iter().copied().filter(|class| takes_time(model, *class, longer)).collect();
        let needs: Vec<Vec<u16>> = model.classes.iter().map(|class| needed(&class.behind)).collect();
        let spared =
            model.classes.iter().map(|class| spared(class, |other| takes_time(model, other, longer)));
        let spared = spared.collect();
        let mentioned = |class: u16| model.classes.iter().any(|other| other.behind.contains(&class));
        let visited = |class: u16| needs.iter().any(|needs| needs.contains(&class));
        let erases = model.erases.filter(|class| takes_time(model, *class, longer));
        let unused = |class: u16| model.erases == Some(class) && erases.is_none();
        let idle = (0..model.classes.len() as u16)
            .map(|class| mentioned(class) && !visited(class) || unused(class))
            .collect();
        Self { needs, spared, idle, erases }
    }

    /// Whether there is nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.erases.is_none() && self.needs.iter().all(Vec::is_empty)
    }
}

/// What is spared of what takes time.
fn spared(class: &ClassModel, takes_time: impl Fn(u16) -> bool) -> Vec<Spared> {
    let before =
        |need: u16| class.behind.iter().take(need.into()).filter(|other| takes_time(**other)).count();
    let rule = |rule: &Spared| {
        let from = before(rule.from) as u16;
        Spared { from, count: before(rule.from + rule.count) as u16 - from, ..*rule }
    };
    class.spared.iter().map(rule).filter(|rule| rule.count > 0).collect()
}

fn takes_time(model: &ServerModel, class: u16, longer: &[u16]) -> bool {
    let of = &model.classes[usize::from(class)];
    let each = match model.stations[usize::from(of.station)].discipline {
        Discipline::Groups { each, .. } => each,
        _ => Span::ZERO,
    };
    of.work.mean() > Span::ZERO
        || each > Span::ZERO
        || longer.contains(&class)
        || of.behind.iter().any(|other| takes_time(model, *other, longer))
}

/// What cannot work of what lies behind classes, in words.
pub(super) fn problems(model: &ServerModel) -> Vec<String> {
    let mut problems = Vec::new();
    let shared = |station: &StationModel| {
        matches!(station.discipline, Discipline::Sharing | Discipline::Priority { preemptive: true })
    };
    for class in model.classes.iter().filter(|class| !class.behind.is_empty()) {
        let Some(station) = model.stations.get(usize::from(class.station)) else { continue };
        if shared(station) {
            problems.push(format!(
                "class {} keeps its server while it needs others, which station {} cannot let it: it shares or interrupts",
                class.name, station.name
            ));
        }
        for other in class.behind.iter().filter_map(|index| model.classes.get(usize::from(*index))) {
            let Some(station) = model.stations.get(usize::from(other.station)) else { continue };
            let bounded = station.queue.is_some() || station.bucket.is_some() || station.limit.is_some();
            if bounded || station.longest_wait.is_some() {
                problems.push(format!(
                    "station {} turns requests away, and class {} needs it while it is in service: leave queue, bucket, \
                     limit and longest_wait out there",
                    station.name, class.name
                ));
            }
        }
    }
    for (class, of) in (0..).zip(&model.classes) {
        if needs_itself(model, class) {
            problems
                .push(format!("class {} needs itself while it is in service: it would never end", of.name));
        }
    }
    problems
}

fn needs_itself(model: &ServerModel, class: u16) -> bool {
    let (mut seen, mut todo) = (Vec::new(), vec![class]);
    while let Some(next) = todo.pop() {
        let Some(of) = model.classes.get(usize::from(next)) else { continue };
        if of.behind.contains(&class) {
            return true;
        }
        todo.extend(of.behind.iter().filter(|other| !seen.contains(*other)));
        seen.push(next);
    }
    false
}
