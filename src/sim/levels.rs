//! Numbers of requests that wait and that are served, as they change: the areas of the event engine.

use super::meter::Meter;

/// By class: how many, and since when.
#[derive(Debug)]
pub(super) struct Levels {
    classes: Vec<[Level; 2]>,
}

#[derive(Debug, Clone, Copy)]
struct Level {
    count: u64,
    since: i64,
}

impl Levels {
    pub(super) fn new(classes: usize, start: i64) -> Self {
        Self { classes: vec![[Level { count: 0, since: start }; 2]; classes] }
    }

    /// So many more (or fewer) of a class wait from `at` on.
    #[inline]
    pub(super) fn waiting(&mut self, class: u16, change: i64, at: i64, meter: &mut Meter) {
        let level = &mut self.classes[usize::from(class)][0];
        if level.count > 0 {
            meter.waiting(class, level.since, at, level.count);
        }
        *level = Level { count: level.count.saturating_add_signed(change), since: at };
    }

    /// So many more (or fewer) of a class are served from `at` on.
    #[inline]
    pub(super) fn working(&mut self, class: u16, change: i64, at: i64, meter: &mut Meter) {
        let level = &mut self.classes[usize::from(class)][1];
        if level.count > 0 {
            meter.working(class, level.since, at, level.count);
        }
        *level = Level { count: level.count.saturating_add_signed(change), since: at };
    }

    /// Measures what is still there at the end.
    pub(super) fn close(&mut self, at: i64, meter: &mut Meter) {
        for class in 0..self.classes.len() as u16 {
            self.waiting(class, 0, at, meter);
            self.working(class, 0, at, meter);
        }
    }
}
