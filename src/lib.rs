//! Peakday: load testing and capacity simulation for peak days.
