//! A reference model of SI-DEP.
