//! Buckets of a calendar: lists through one slab, and a bitmap that finds the next that is not empty.

/// No node.
pub(super) const NONE: u32 = u32::MAX;

/// All things of a calendar, each with the next in its list.
#[derive(Debug, Clone)]
pub(super) struct Nodes<T> {
    places: Vec<Node<T>>,
    free: u32,
}

/// A thing, its instant and the next in its list. Nodes are touched at random: one shall be in one line of the cache.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Node<T> {
    at: i64,
    what: T,
    next: u32,
}

impl<T: Copy> Nodes<T> {
    pub(super) const fn new() -> Self {
        Self { places: Vec::new(), free: NONE }
    }

    /// A place for a thing.
    #[inline]
    pub(super) fn add(&mut self, at: i64, what: T) -> u32 {
        let node = Node { at, what, next: NONE };
        if self.free == NONE {
            self.places.push(node);
            return self.places.len() as u32 - 1;
        }
        let free = self.free;
        let place = &mut self.places[free as usize];
        self.free = place.next;
        *place = node;
        free
    }

    /// The thing in a place.
    #[inline]
    pub(super) fn what(&self, node: u32) -> &T {
        &self.places[node as usize].what
    }

    /// The instant of a thing, and the next in its list.
    #[inline]
    pub(super) fn at(&self, node: u32) -> (i64, u32) {
        let node = &self.places[node as usize];
        (node.at, node.next)
    }

    /// Takes a thing and gives back its place.
    #[inline]
    pub(super) fn remove(&mut self, node: u32) -> T {
        let place = &mut self.places[node as usize];
        place.next = self.free;
        self.free = node;
        place.what
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

    /// Puts a node into a bucket.
    #[inline]
    pub(super) fn add<T>(&mut self, bucket: usize, node: u32, nodes: &mut Nodes<T>) {
        nodes.places[node as usize].next = self.heads[bucket];
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

    /// The first of the list of a bucket.
    #[inline]
    pub(super) fn head(&self, bucket: usize) -> u32 {
        self.heads[bucket]
    }

    /// Takes all out of a bucket: the first of the list, or [`NONE`].
    #[inline]
    pub(super) fn empty(&mut self, bucket: usize) -> u32 {
        self.filled[bucket / 64] &= !(1 << (bucket % 64));
        std::mem::replace(&mut self.heads[bucket], NONE)
    }
}
