//! What a record says: summary, series, validity and verdict, all pure functions of the record.

mod summary;

pub use summary::*;
