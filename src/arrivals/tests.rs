//! Laws of the arrivals.
