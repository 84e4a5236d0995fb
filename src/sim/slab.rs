//! Places for things that come and go, used again.

/// The place of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(u32);

/// Things in places. Whoever holds a place knows that its thing is still there.
#[derive(Debug)]
pub(super) struct Slab<T> {
    places: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Slab<T> {
    pub(super) const fn new() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }

    /// Puts a thing into a place.
    pub(super) fn add(&mut self, thing: T) -> Place {
        if let Some(place) = self.free.pop() {
            self.places[place as usize] = Some(thing);
            return Place(place);
        }
        self.places.push(Some(thing));
        Place(self.places.len() as u32 - 1)
    }

    /// What is in a place.
    pub(super) fn get(&self, place: Place) -> Option<&T> {
        self.places.get(place.0 as usize)?.as_ref()
    }

    /// What is in a place.
    pub(super) fn get_mut(&mut self, place: Place) -> Option<&mut T> {
        self.places.get_mut(place.0 as usize)?.as_mut()
    }

    /// Takes a thing out of its place.
    pub(super) fn remove(&mut self, place: Place) -> Option<T> {
        let thing = self.places.get_mut(place.0 as usize)?.take()?;
        self.free.push(place.0);
        Some(thing)
    }

    /// All things, in the order of their places.
    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.places.iter().flatten()
    }
}
