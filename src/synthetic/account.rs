//! Who signs in.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// One account of a population, as clients name themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountId<'a> {
    /// The kind of account, from the scenario.
    pub kind: &'a str,
    /// Index of the population.
    pub population: u16,
    /// Number of the account within it.
    pub index: u32,
}

impl AccountId<'_> {
    /// Appends the client id: for the kind `person` a number of 11 digits in the shape of an RPPS, whose beginning 899
    /// no professional has; `sw-PP-NNNNNN` for `software`, `lab-PP-NNNNNN` for `lab`, and so on with any other word.
    pub fn write_id(&self, out: &mut String) {
        let Self { kind, population, index } = *self;
        // Writing to a String cannot fail.
        let _ = match kind {
            "person" => write!(out, "899{:02}{:06}", population % 100, index % 1_000_000),
            "software" => write!(out, "sw-{population:02}-{index:06}"),
            word => write!(out, "{word}-{population:02}-{index:06}"),
        };
    }

    /// The client id.
    pub fn id(&self) -> String {
        let mut id = String::new();
        self.write_id(&mut id);
        id
    }

    /// The client secret that the reference server accepts for that id: the first 32 hexadecimal digits of
    /// SHA-256("peakday-synthetic:" + id). A test secret that anybody can compute.
    pub fn secret(&self) -> String {
        let digest = Sha256::digest(format!("peakday-synthetic:{}", self.id()));
        digest[..16].iter().fold(String::with_capacity(32), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}
