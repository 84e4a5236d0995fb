//! EU Digital COVID Certificates: test certificates as `HC1:` texts, and whether such a text is valid.
//!
//! A record becomes a `payload`, the payload becomes a text in `seal`, and `verify` reads a text back. The `signer`
//! certificate vouches for the key. After the Electronic Health Certificate Specification 1.0.8 (a CBOR Web Token in
//! COSE_Sign1, zlib, base45) and the schema 1.3.0.

mod names;
mod payload;
mod seal;
mod signer;
mod uvci;
mod verify;

pub(crate) use self::payload::payload;
#[cfg(test)]
pub(crate) use self::payload::sample_record;
pub(crate) use self::seal::seal;
pub(crate) use self::signer::{SignerCertificate, make};
pub(crate) use self::uvci::uvci;
pub use self::verify::{NotValid, Verifier};

/// What every text begins with: context identifier `HC`, version 1.
const PREFIX: &str = "HC1:";

/// CWT claims (RFC 8392, section 4): issuer, expiration, issued at.
const ISSUER: i64 = 1;
const EXPIRES: i64 = 4;
const ISSUED: i64 = 6;
/// CWT claim of health certificates, and within it the claim of the first version of the EU certificate.
const HEALTH: i64 = -260;
const EU_DCC_V1: i64 = 1;
