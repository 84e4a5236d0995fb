//! Laws of the synthetic data.
