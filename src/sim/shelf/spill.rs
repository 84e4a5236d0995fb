//! The file of a shelf: pages of one chunk each, used again, in the folder for temporary files and without a name.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use super::{Kept, NONE};

/// Pages that were written and not read back.
#[derive(Debug, Default)]
pub(super) struct Spill {
    file: Option<File>,
    /// By page: the page before it in its list, or the next that is free.
    before: Vec<u32>,
    /// Pages that are free.
    free: Vec<u32>,
    /// The file takes no more: the rest stays in memory.
    full: bool,
    words: Vec<u32>,
    bytes: Vec<u8>,
}

impl Spill {
    /// Writes a page that follows another; its number, unless the file takes it not.
    pub(super) fn write<T: Kept>(&mut self, times: &[u32], things: &[T], before: u32) -> Option<u32> {
        if self.full {
            return None;
        }
        self.words.clear();
        self.words.extend_from_slice(times);
        things.iter().for_each(|thing| thing.save(&mut self.words));
        self.bytes.clear();
        self.bytes.extend(self.words.iter().flat_map(|word| word.to_le_bytes()));
        if self.file.is_none() {
            self.file = tempfile::tempfile().ok();
        }
        let page = self.free.pop().unwrap_or_else(|| {
            self.before.push(NONE);
            self.before.len() as u32 - 1
        });
        let place = u64::from(page) * self.bytes.len() as u64;
        let written = self.file.as_ref().map(|file| file.write_all_at(&self.bytes, place));
        if !matches!(written, Some(Ok(()))) {
            self.full = true;
            self.free.push(page);
            return None;
        }
        self.before[page as usize] = before;
        Some(page)
    }

    /// Reads back a page of so many things and all before it.
    ///
    /// # Panics
    /// When the file cannot be read, which a disk that took it refuses only when it is broken.
    pub(super) fn read<T: Kept>(&mut self, mut page: u32, count: usize, mut each: impl FnMut(u32, T)) {
        while let (Some(before), Some(file)) = (self.before.get(page as usize), &self.file) {
            let place = u64::from(page) * self.bytes.len() as u64;
            file.read_exact_at(&mut self.bytes, place)
                .expect("the file of a simulation's backlog can be read back");
            let mut words = self.bytes.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes));
            let times: Vec<u32> = words.by_ref().take(count).collect();
            let mut next = || words.next().unwrap_or_default();
            times.into_iter().for_each(|time| each(time, T::load(&mut next)));
            self.free.push(page);
            page = *before;
        }
    }

    /// How many pages the file has.
    #[cfg(test)]
    pub(super) const fn pages(&self) -> usize {
        self.before.len()
    }
}
