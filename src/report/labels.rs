//! Texts on a plot that find a free place: none over another, none out of the area they may use.

use super::canvas::{At, Canvas, Drawn, Pen, Place};
use super::lettering;

/// How far apart the places are that are tried, CSS pixels.
const STEP: f64 = 8.0;
const STEPS: i32 = 12;

/// The places taken so far.
#[derive(Debug)]
pub(super) struct Labels {
    area: Place,
    taken: Vec<Place>,
}

impl Labels {
    /// Texts that stay within an area.
    pub(super) fn within(area: Place) -> Self {
        Self { area, taken: Vec::new() }
    }

    /// Writes a text as near as possible to the first of some wanted places (its anchor, and which side of the text that
    /// is). Where nothing is free it is written at the first.
    pub(super) fn put(
        &mut self,
        canvas: &Canvas,
        wanted: &[((f64, f64), At)],
        text: &str,
        pen: Pen,
    ) -> Drawn {
        let Some(first) = wanted.first().copied() else { return Ok(()) };
        let shifts = (0..=STEPS).flat_map(|n| [-f64::from(n) * STEP, f64::from(n) * STEP]);
        let places = shifts.flat_map(|dy| wanted.iter().map(move |((x, y), at)| ((*x, y + dy), *at)));
        let free = places.clone().find(|(at, side)| self.free(&around(*at, *side, text, pen)));
        let (at, side) = free.unwrap_or(first);
        self.taken.push(around(at, side, text, pen));
        canvas.text(at, text, Pen { at: side, ..pen })
    }

    /// Keeps texts that come later away from a place.
    pub(super) fn keep_off(&mut self, place: Place) {
        self.taken.push(place);
    }

    fn free(&self, place: &Place) -> bool {
        let Place { left, top, right, bottom } = *place;
        let inside = left >= self.area.left
            && right <= self.area.right
            && top >= self.area.top
            && bottom <= self.area.bottom;
        let apart = |other: &Place| {
            right <= other.left || left >= other.right || bottom <= other.top || top >= other.bottom
        };
        inside && self.taken.iter().all(apart)
    }
}

/// The box of a text, with a little air.
fn around((x, y): (f64, f64), side: At, text: &str, pen: Pen) -> Place {
    let width =
        if pen.bold { lettering::bold_width(text, pen.size) } else { lettering::width(text, pen.size) };
    let left = match side {
        At::Start => x,
        At::Middle => x - width / 2.0,
        At::End => x - width,
    };
    Place { left, right: left + width, top: y - pen.size * 0.55, bottom: y + pen.size * 0.55 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::role::Role;

    #[test]
    fn texts_at_one_place_move_out_of_each_others_way() {
        let canvas = Canvas::new(200.0);
        let mut labels = Labels::within(Place { left: 0.0, top: 0.0, right: 400.0, bottom: 200.0 });
        for name in ["one", "two", "three", "four"] {
            let wanted = [((380.0, 100.0), At::Start), ((380.0, 100.0), At::End)];
            labels.put(&canvas, &wanted, name, Pen::new(Role::Ink, 12.0)).unwrap();
        }
        for (at, one) in labels.taken.iter().enumerate() {
            assert!(one.right <= 400.0, "{one:?}");
            for other in &labels.taken[at + 1..] {
                assert!(one.bottom <= other.top || other.bottom <= one.top, "{one:?} {other:?}");
            }
        }
    }
}
