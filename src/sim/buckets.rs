//! Buckets of a calendar: lists through one slab, and a bitmap that finds the next that is not empty.

const NONE: u32 = u32::MAX;

/// The things in all buckets, each with the next in its list.
#[derive(Debug, Clone)]
pub(super) struct Nodes<E> {
    places: Vec<(E, u32)>,
    free: u32,
}

impl<E: Copy> Nodes<E> {
    pub(super) const fn new() -> Self {
        Self { places: Vec::new(), free: NONE }
    }

    /// A thing and the next in its list.
    #[inline]
    pub(super) fn at(&self, node: u32) -> (E, Option<u32>) {
        let (entry, next) = self.places[node as usize];
        (entry, (next != NONE).then_some(next))
    }

    /// Gives back the place of a thing.
    #[inline]
    pub(super) fn free(&mut self, node: u32) {
        self.places[node as usize].1 = self.free;
        self.free = node;
    }

    #[inline]
    fn add(&mut self, entry: E) -> u32 {
        if self.free == NONE {
            self.places.push((entry, NONE));
            return self.places.len() as u32 - 1;
        }
        let node = self.free;
        let place = &mut self.places[node as usize];
        self.free = place.1;
        place.0 = entry;
        node
    }
}

/// Some buckets in a row, emptied from the first to the last.
#[derive(Debug, Clone, Default)]
pub(super) struct Buckets {
    heads: Vec<u32>,
    filled: Vec<u64>,
    /// No word of `filled` before this one has a bit.
    from: usize,
}

impl Buckets {
    pub(super) fn new(count: usize) -> Self {
        let words = count.div_ceil(64);
        Self { heads: vec![NONE; count], filled: vec![0; words], from: words }
    }

    /// Whether there are no buckets yet.
    pub(super) const fn is_new(&self) -> bool {
        self.heads.is_empty()
    }

    /// Puts a thing into a bucket.
    #[inline]
    pub(super) fn add<E: Copy>(&mut self, bucket: usize, entry: E, nodes: &mut Nodes<E>) {
        let node = nodes.add(entry);
        self.link(bucket, node, nodes);
    }

    /// Puts a node into a bucket.
    #[inline]
    pub(super) fn link<E>(&mut self, bucket: usize, node: u32, nodes: &mut Nodes<E>) {
        nodes.places[node as usize].1 = self.heads[bucket];
        self.heads[bucket] = node;
        self.filled[bucket / 64] |= 1 << (bucket % 64);
        self.from = self.from.min(bucket / 64);
    }

    /// The first bucket that is not empty.
    #[inline]
    pub(super) fn first(&mut self) -> Option<usize> {
        while let Some(word) = self.filled.get(self.from) {
            if *word != 0 {
                return Some(self.from * 64 + word.trailing_zeros() as usize);
            }
            self.from += 1;
        }
        None
    }

    /// Takes all out of a bucket: the first of the list.
    #[inline]
    pub(super) fn empty(&mut self, bucket: usize) -> Option<u32> {
        self.filled[bucket / 64] &= !(1 << (bucket % 64));
        let head = std::mem::replace(&mut self.heads[bucket], NONE);
        (head != NONE).then_some(head)
    }
}
