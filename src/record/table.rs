//! A CSV file of rows that add up: appended to while a run goes on, put in order at its end.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::marker::PhantomData;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::Layout;
use super::lines::each_line;
use super::rows::{Fields, Row};

/// Rows held at once while a file is put in order; more are done in several passes over the file.
const ROWS_AT_ONCE: usize = 200_000;

/// The file of one kind of row.
#[derive(Debug)]
pub(super) struct Table<R> {
    path: PathBuf,
    file: File,
    text: String,
    rows: PhantomData<R>,
}

impl<R: Row> Table<R> {
    /// Creates the file with its first line.
    pub(super) fn create(path: PathBuf) -> io::Result<Self> {
        let mut file = File::create(&path)?;
        file.write_all(R::HEADER.as_bytes())?;
        Ok(Self { path, file, text: String::new(), rows: PhantomData })
    }

    /// Takes in a row, for the next [`Table::flush`].
    pub(super) fn push(&mut self, layout: &Layout, row: &R) {
        row.print(layout, &mut self.text);
    }

    /// Hands all rows to the system in one write, so that a kill between two flushes cuts nothing.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.file.write_all(self.text.as_bytes())?;
        self.text.clear();
        Ok(())
    }

    /// Rewrites the file with exactly one row for each interval of `intervals` and each place, in order. Rows outside
    /// of `intervals` are counted in the nearest one: nothing is lost.
    pub(super) fn finish(self, layout: &Layout, intervals: Range<i64>) -> io::Result<()> {
        self.order(layout, intervals, ROWS_AT_ONCE)
    }

    fn order(mut self, layout: &Layout, intervals: Range<i64>, rows_at_once: usize) -> io::Result<()> {
        self.flush()?;
        let places = R::places(layout);
        let ordered = self.path.with_extension("csv.new");
        let mut out = io::BufWriter::new(File::create(&ordered)?);
        out.write_all(R::HEADER.as_bytes())?;
        let step = i64::try_from((rows_at_once / places.len().max(1)).max(1)).unwrap_or(i64::MAX);
        let mut before: BTreeMap<usize, R> = BTreeMap::new();
        let mut from = intervals.start;
        while from < intervals.end {
            let to = from.saturating_add(step).min(intervals.end);
            let mut block: BTreeMap<(i64, usize), R> = (from..to)
                .flat_map(|interval| places.iter().map(move |&place| (interval, place)))
                .map(|(interval, place)| ((interval, place), R::empty(layout, interval, place)))
                .collect();
            for row in rows::<R>(&self.path, layout)? {
                let row = row?;
                let (interval, place) = row.key();
                let nearest = interval.clamp(intervals.start, intervals.end - 1);
                if let Some(sum) = block.get_mut(&(nearest, place)) {
                    sum.add(&row);
                }
            }
            self.text.clear();
            for ((_, place), mut row) in block {
                let nothing = R::empty(layout, 0, place);
                row.follow(before.get(&place).unwrap_or(&nothing));
                row.print(layout, &mut self.text);
                before.insert(place, row);
            }
            out.write_all(self.text.as_bytes())?;
            from = to;
        }
        out.into_inner()?.sync_all()?;
        fs::rename(&ordered, &self.path)
    }
}

/// The rows of a file as they stand in it; the caller adds up those of the same key. A torn last line is passed over.
pub(super) fn rows<'a, R: Row>(
    path: &Path,
    layout: &'a Layout,
) -> io::Result<impl Iterator<Item = io::Result<R>> + use<'a, R>> {
    let mut heading = true;
    each_line(path, move |line| {
        if std::mem::take(&mut heading) {
            return Ok(None);
        }
        R::parse(&mut Fields::of(line), layout).map(Some)
    })
}

#[cfg(test)]
mod tests {
    use super::super::CounterRow;
    use super::super::testing::layout;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20))]

        #[test]
        fn a_file_put_in_order_in_many_passes_is_the_one_put_in_order_at_once(
            rows in prop::collection::vec((-5..12_i64, 0..2_u16, 0..3_u64, 0..3_u64), 0..40),
        ) {
            let layout = layout();
            let dir = tempfile::tempdir().unwrap();
            let ordered = |name: &str, rows_at_once| {
                let path = dir.path().join(name);
                let mut table = Table::create(path.clone()).unwrap();
                for &(interval, step, offered, sent) in &rows {
                    table.push(&layout, &CounterRow { interval, step, offered, sent, ..CounterRow::default() });
                }
                table.order(&layout, -3..10, rows_at_once).unwrap();
                fs::read_to_string(path).unwrap()
            };
            let at_once = ordered("one.csv", 1_000);
            prop_assert_eq!(at_once.lines().count(), 1 + 13 * 3);
            prop_assert_eq!(&ordered("some.csv", 10), &at_once);
            prop_assert_eq!(&ordered("each.csv", 1), &at_once);
        }
    }
}
