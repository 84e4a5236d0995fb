//! Things of much later, in no order: by the bucket of their time, in chunks, so that nothing is moved when a bucket grows.
//!
//! Of a crowd that comes back in an hour there are millions. So many are kept in memory; what is more goes into a file
//! without a name, chunk by chunk as they fill, and is read back when its time has come.

mod spill;

use self::spill::Spill;
use crate::journey::Journey;

/// Things of a chunk.
const CHUNK: usize = 20;
/// The most memory for full chunks, in bytes: beyond, they are written to the file.
const MEMORY: usize = 64 << 20;
const NONE: u32 = u32::MAX;

/// What can be put away as a few words, and is the same when it comes back.
pub(super) trait Kept: Copy {
    /// Appends its words: always the same number.
    fn save(&self, words: &mut Vec<u32>);
    /// The thing of these words; `next` gives one after the other.
    fn load(next: &mut impl FnMut() -> u32) -> Self;
}

impl Kept for u64 {
    fn save(&self, words: &mut Vec<u32>) {
        words.extend([(*self >> 32) as u32, *self as u32]);
    }

    fn load(next: &mut impl FnMut() -> u32) -> Self {
        u64::from(next()) << 32 | u64::from(next())
    }
}

impl Kept for Journey {
    fn save(&self, words: &mut Vec<u32>) {
        words.extend(self.to_words());
    }

    fn load(next: &mut impl FnMut() -> u32) -> Self {
        Self::from_words(std::array::from_fn(|_| next()))
    }
}

/// Things by bucket.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    buckets: Vec<Bucket>,
    chunks: Vec<Chunk<T>>,
    /// The first chunk that is free.
    free: u32,
    /// Chunks that are not, and how many may be before full ones go into the file.
    used: usize,
    most: usize,
    spill: Spill,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// The chunk that is being filled, and how full it is; full where there is none.
    chunk: u32,
    filled: u32,
    /// The last page of the file with things of this bucket.
    page: u32,
    /// The earliest of its times.
    least: u32,
}

#[derive(Debug)]
struct Chunk<T> {
    times: [u32; CHUNK],
    things: [T; CHUNK],
    /// The chunk that was filled before it, or the next that is free.
    before: u32,
}

const EMPTY: Bucket = Bucket { chunk: NONE, filled: CHUNK as u32, page: NONE, least: u32::MAX };

impl<T: Kept> Shelf<T> {
    /// So many empty buckets.
    pub(super) fn new(buckets: usize) -> Self {
        Self::of(buckets, MEMORY / size_of::<Chunk<T>>())
    }

    /// The same, with this number of chunks in memory.
    fn of(buckets: usize, most: usize) -> Self {
        let buckets = vec![EMPTY; buckets];
        Self { buckets, chunks: Vec::new(), free: NONE, used: 0, most, spill: Spill::default() }
    }

    /// Puts a thing into a bucket. Its time is counted from the beginning of the bucket.
    pub(super) fn put(&mut self, bucket: usize, time: u32, thing: T) {
        let of = &mut self.buckets[bucket];
        if of.filled as usize == CHUNK {
            let full = self.chunks.get(of.chunk as usize).filter(|_| self.used >= self.most);
            let page = full.and_then(|full| self.spill.write(&full.times, &full.things, of.page));
            if let Some(page) = page {
                of.page = page;
            } else if let Some(chunk) = self.chunks.get_mut(self.free as usize) {
                let next = std::mem::replace(&mut chunk.before, of.chunk);
                of.chunk = std::mem::replace(&mut self.free, next);
                self.used += 1;
            } else {
                let before = std::mem::replace(&mut of.chunk, self.chunks.len() as u32);
                self.chunks.push(Chunk { times: [0; CHUNK], things: [thing; CHUNK], before });
                self.used += 1;
            }
            of.filled = 0;
        }
        let chunk = &mut self.chunks[of.chunk as usize];
        (chunk.times[of.filled as usize], chunk.things[of.filled as usize]) = (time, thing);
        of.filled += 1;
        of.least = of.least.min(time);
    }

    /// The first bucket from this one on that has anything, and the earliest time in it.
    pub(super) fn next(&self, from: usize) -> Option<(usize, u32)> {
        let later = (from..).zip(self.buckets.get(from..)?);
        later.into_iter().find(|(_, of)| of.chunk != NONE).map(|(bucket, of)| (bucket, of.least))
    }

    /// Takes all out of a bucket.
    pub(super) fn empty(&mut self, bucket: usize, mut each: impl FnMut(u32, T)) {
        let Some(of) = self.buckets.get_mut(bucket) else { return };
        let Bucket { mut chunk, mut filled, page, .. } = std::mem::replace(of, EMPTY);
        while let Some(of) = self.chunks.get_mut(chunk as usize) {
            let things = of.times.iter().zip(&of.things).take(filled as usize);
            things.for_each(|(time, thing)| each(*time, *thing));
            self.used -= 1;
            let before = std::mem::replace(&mut of.before, self.free);
            self.free = std::mem::replace(&mut chunk, before);
            filled = CHUNK as u32;
        }
        self.spill.read(page, CHUNK, each);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_put_away_comes_back_from_memory_and_from_the_file(
            rounds in prop::collection::vec((prop::collection::vec((0_usize..6, 0_u32..1_000), 0..300), 0_usize..6), 1..12),
            most in 0_usize..20,
        ) {
            let (mut shelf, mut plain, mut number) = (Shelf::of(6, most), vec![Vec::new(); 6], 0_u64);
            for (entries, emptied) in rounds {
                for (bucket, time) in entries {
                    number += u64::MAX / 10_007;
                    shelf.put(bucket, time, number);
                    plain[bucket].push((time, number));
                    prop_assert!(shelf.used <= most + 6);
                }
                let first = plain.iter().position(|of| !of.is_empty());
                let least = first.and_then(|bucket| Some((bucket, plain[bucket].iter().min()?.0)));
                prop_assert_eq!(shelf.next(0), least);
                let mut taken = Vec::new();
                shelf.empty(emptied, |time, thing| taken.push((time, thing)));
                taken.sort_unstable();
                plain[emptied].sort_unstable();
                prop_assert_eq!(taken, std::mem::take(&mut plain[emptied]));
            }
        }
    }

    #[test]
    fn places_in_memory_and_in_the_file_are_used_again() {
        let mut shelf = Shelf::of(2, 3);
        for round in 0..100_u64 {
            (0..1_000).for_each(|number| shelf.put((round % 2) as usize, 7, number));
            let mut count = 0;
            shelf.empty((round % 2) as usize, |_, _| count += 1);
            assert_eq!(count, 1_000);
        }
        assert!(shelf.chunks.len() <= 4 && shelf.used == 0, "{} chunks", shelf.chunks.len());
        assert!(shelf.spill.pages() <= 1_000 / CHUNK, "{} pages", shelf.spill.pages());
    }
}
