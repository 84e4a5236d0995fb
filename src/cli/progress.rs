//! One live line for each configuration, on standard error and only on a terminal.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::load::{Listener, Phase, Progress};
use crate::scenario::Timeline;
use crate::units::Span;

/// Cells of the bar.
const BAR: usize = 10;
/// A narrower terminal has no bar: the numbers say more.
const ROOM_FOR_BAR: usize = 100;
/// Back to the beginning of the line, and clear it.
const AGAIN: &str = "\r\x1b[2K";
/// What is wider than the terminal is cut off, so that a line stays one line; and the end of that.
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";

/// The lines of a run.
#[derive(Debug, Clone)]
pub(super) struct Live {
    timeline: Timeline,
    terminal: bool,
    last: Arc<Mutex<Last>>,
}

/// What was heard of the configuration that is played.
#[derive(Debug, Default)]
struct Last {
    server: String,
    phase: Option<Phase>,
    sums: Sums,
}

/// What a configuration was asked and did so far, run-in included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sums {
    offered: u64,
    good: u64,
    shed: u64,
    failed: u64,
}

impl Live {
    pub(super) fn new(timeline: &Timeline) -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self { timeline: *timeline, terminal, last: Arc::default() }
    }

    /// Keeps the line of the present configuration up to date, and leaves those before it; on anything but a terminal it says
    /// only which part begins.
    pub(super) fn listener(&self) -> Listener {
        let live = self.clone();
        Arc::new(move |progress: &Progress| live.hear(progress))
    }

    /// Leaves the last line with what its configuration came to.
    pub(super) fn done(&self) {
        let last = self.last();
        if self.terminal && !last.server.is_empty() {
            say(&format!("{AGAIN}{NO_WRAP}{}{WRAP}\n", over(&last)));
        }
    }

    fn hear(&self, progress: &Progress) {
        let mut last = self.last();
        let mut text = String::new();
        if last.server != progress.server {
            if self.terminal && !last.server.is_empty() {
                text = format!("{AGAIN}{NO_WRAP}{}{WRAP}\n", over(&last));
            }
            *last = Last { server: progress.server.clone(), ..Last::default() };
        }
        // A part that begins brings the numbers of the second before it once more.
        if last.phase == Some(progress.phase) {
            last.sums.offered += progress.offered;
            last.sums.good += progress.good;
            last.sums.shed += progress.shed;
            last.sums.failed += progress.failed;
        }
        if self.terminal {
            let line = line(progress, &self.timeline, columns());
            text.push_str(&format!("{AGAIN}{NO_WRAP}{line}{WRAP}"));
        } else if last.phase != Some(progress.phase) {
            text = format!("{}: {}\n", progress.server, name(progress.phase));
        }
        last.phase = Some(progress.phase);
        drop(last);
        say(&text);
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Columns of the terminal.
fn columns() -> usize {
    terminal_size::terminal_size_of(std::io::stderr()).map_or(usize::MAX, |(width, _)| width.0.into())
}

fn say(text: &str) {
    // A closed standard error must not end a run.
    let mut stderr = std::io::stderr().lock();
    _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

const fn name(phase: Phase) -> &'static str {
    match phase {
        Phase::Starting => "starting the server",
        Phase::Playing => "playing",
        Phase::Draining => "waiting for the last answers",
        Phase::Auditing => "asking again for everything acknowledged",
    }
}

/// What stays of a configuration that is over.
fn over(last: &Last) -> String {
    let Sums { offered, good, shed, failed } = last.sums;
    let share = if offered > 0 { 100.0 * good as f64 / offered as f64 } else { 0.0 };
    format!(
        "{:<9} {}  played: offered {offered}, good {good} ({share:.0} %), refused {shed}, failed {failed}",
        last.server,
        "█".repeat(BAR),
    )
}

/// The line of a configuration: what matters most stands first, and what a narrow terminal has no room for is left out.
fn line(progress: &Progress, timeline: &Timeline, columns: usize) -> String {
    let Progress { server, phase, at, left, offered, good, shed, failed, response_p99, lag_p99, .. } =
        progress;
    if *phase != Phase::Playing {
        return format!("{server:<9} {}", name(*phase));
    }
    let whole = timeline.end().since(timeline.start()).secs_f64();
    let filled = (BAR as f64 * (1.0 - left.secs_f64() / whole)).clamp(0.0, BAR as f64) as usize;
    let bar = format!("{}{} ", "█".repeat(filled), "░".repeat(BAR - filled));
    let bar = if columns < ROOM_FOR_BAR { "" } else { &bar };
    let line = format!("{server:<9} {bar}{:>5} left", format!("{:.0} s", left.secs_f64()));
    let fields = [
        format!("offered {offered:>5}/s"),
        format!("good {good:>5}/s"),
        format!("p99 {:>7}", short(*response_p99)),
        format!("refused {shed:>4}/s"),
        if *failed > 0 { format!("failed {failed}/s") } else { String::new() },
        format!("lag {:>7}", short(*lag_p99)),
        timeline.scenario_time(*at),
    ];
    let fields = fields.into_iter().filter(|field| !field.is_empty()).map(|field| format!("  {field}"));
    let fits = |line: &str, field: &str| line.chars().count() + field.chars().count() <= columns;
    fields
        .fold((line, true), |(line, room), field| match room && fits(&line, &field) {
            true => (line + &field, true),
            false => (line, false),
        })
        .0
}

/// A length of time in two or three digits.
fn short(span: Option<Span>) -> String {
    let Some(span) = span else { return "–".to_owned() };
    match span.micros() {
        micros @ ..1_000 => format!("{micros} µs"),
        micros @ 1_000..10_000 => format!("{:.1} ms", micros as f64 / 1e3),
        micros @ 10_000..1_000_000 => format!("{} ms", micros / 1_000),
        micros => format!("{:.1} s", micros as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::example;
    use crate::units::Offset;

    fn progress(phase: Phase) -> Progress {
        Progress {
            server: "flat-3m".to_owned(),
            phase,
            at: Offset::from_secs_f64(30.0),
            left: Span::from_secs(45),
            offered: 812,
            ok: 700,
            good: 640,
            shed: 112,
            failed: 0,
            response_p99: Some(Span::from_millis(1_240)),
            lag_p99: Some(Span::from_nanos(310_000)),
        }
    }

    #[test]
    fn a_line_says_time_left_offered_goodput_p99_refusals_and_send_lag() {
        let timeline = example::timeline("18:50", "20:05", 60.0);
        let line = |progress: &Progress| super::line(progress, &timeline, 200);
        let playing = line(&progress(Phase::Playing));
        assert_eq!(
            playing,
            "flat-3m   █████░░░░░  45 s left  offered   812/s  good   640/s  p99   1.2 s  refused  112/s  lag  310 µs  19:20:00"
        );
        assert!(line(&progress(Phase::Draining)).ends_with("waiting for the last answers"));
        let failing = Progress { failed: 3, response_p99: None, ..progress(Phase::Playing) };
        let failing = line(&failing);
        assert!(failing.contains("failed 3/s") && failing.contains("p99       –"), "{failing}");
    }

    #[test]
    fn a_narrow_terminal_sees_whole_fields_and_the_most_important_ones() {
        let timeline = example::timeline("18:50", "20:05", 60.0);
        let narrow = line(&progress(Phase::Playing), &timeline, 80);
        assert_eq!(
            narrow,
            "flat-3m    45 s left  offered   812/s  good   640/s  p99   1.2 s  refused  112/s"
        );
        assert_eq!(narrow.chars().count(), 80);
        assert_eq!(line(&progress(Phase::Playing), &timeline, 110).chars().count(), 104);
    }

    #[test]
    fn the_seconds_of_a_configuration_add_up_in_the_line_that_stays() {
        let timeline = example::timeline("18:50", "20:05", 60.0);
        let live = Live { timeline, terminal: false, last: Arc::default() };
        for phase in [Phase::Starting, Phase::Playing, Phase::Playing, Phase::Playing, Phase::Draining] {
            live.hear(&progress(phase));
        }
        let stays = over(&live.last());
        assert!(stays.contains("offered 1624, good 1280 (79 %), refused 224, failed 0"), "{stays}");
        live.hear(&Progress { server: "x4".to_owned(), ..progress(Phase::Starting) });
        assert_eq!(live.last().sums, Sums::default());
    }
}
