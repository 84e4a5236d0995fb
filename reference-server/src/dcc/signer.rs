//! The signer's certificate: who vouches for a key, until when, for what, and the short name of the key.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Datelike, Days, NaiveDate};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use sha2::{Digest, Sha256};
use x509_cert::Certificate;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode, EncodePem, pem::LineEnding};
use x509_cert::ext::pkix::ExtendedKeyUsage;

use crate::moment::Moment;

/// Extended key usages of signers: the registered arc, and the one with a stray 0 that some countries used.
const USAGES: [&str; 2] = ["1.3.6.1.4.1.1847.2021.1.", "1.3.6.1.4.1.0.1847.2021.1."];
/// A signer of test certificates.
const TESTS: [u64; 10] = [1, 3, 6, 1, 4, 1, 1847, 2021, 1, 1];

const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const EC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const RSA_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// Years for which a certificate of our own is made.
const YEARS: i32 = 10;

/// What a certificate certifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    Test = 1,
    Vaccination = 2,
    Recovery = 3,
}

/// How a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Es256,
    Ps256,
}

/// A signer's certificate, read.
#[derive(Debug, Clone)]
pub(crate) struct SignerCertificate {
    pem: String,
    key_id: [u8; 8],
    algorithm: Algorithm,
    /// The point, or RFC 8017's RSAPublicKey.
    key: Vec<u8>,
    from: i64,
    until: i64,
    /// Empty: for everything.
    usages: Vec<String>,
}

impl SignerCertificate {
    /// Reads PEM or base64 of DER.
    pub(crate) fn parse(text: &[u8]) -> Result<SignerCertificate, String> {
        let text = std::str::from_utf8(text).map_err(|_| "it is not text".to_owned())?;
        // PEM is base64 of DER between two lines; a file may explain itself before them.
        let body = match text.split_once("-----BEGIN CERTIFICATE-----") {
            Some((_, rest)) => rest.split("-----END").next().unwrap_or_default(),
            None => text,
        };
        let body: String = body.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
        let der = STANDARD.decode(body).map_err(|error| format!("it is not base64: {error}"))?;
        SignerCertificate::of_der(&der)
    }

    fn of_der(der: &[u8]) -> Result<SignerCertificate, String> {
        let broken = |error| format!("it is not an X.509 certificate: {error}");
        let certificate = Certificate::from_der(der).map_err(broken)?;
        let body = certificate.tbs_certificate();
        let info = body.subject_public_key_info();
        let curve = || info.algorithm.parameters.as_ref().and_then(|any| any.decode_as().ok());
        let algorithm = match info.algorithm.oid {
            EC_KEY if curve() == Some(P256) => Algorithm::Es256,
            RSA_KEY => Algorithm::Ps256,
            _ => return Err("its key is neither of the curve P-256 nor an RSA key".to_owned()),
        };
        let seconds = |time: &x509_cert::time::Time| {
            i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
        };
        let usages = body.get_extension::<ExtendedKeyUsage>().map_err(broken)?;
        let usages = usages.map(|(_, ExtendedKeyUsage(usages))| usages).unwrap_or_default();
        let mut key_id = [0; 8];
        key_id.copy_from_slice(&Sha256::digest(der)[..8]);
        Ok(SignerCertificate {
            pem: certificate.to_pem(LineEnding::LF).map_err(broken)?,
            key_id,
            algorithm,
            key: info.subject_public_key.raw_bytes().to_vec(),
            from: seconds(&body.validity().not_before),
            until: seconds(&body.validity().not_after),
            usages: usages.iter().map(ToString::to_string).collect(),
        })
    }

    /// The certificate as PEM.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// The key's short name: the first 8 bytes of SHA-256 of the DER certificate.
    pub(crate) fn key_id(&self) -> [u8; 8] {
        self.key_id
    }

    /// Its last second, since 1970.
    pub(crate) fn valid_until(&self) -> i64 {
        self.until
    }

    /// Whether it vouches for this public key (as a point).
    pub(crate) fn is_of(&self, public: &[u8]) -> bool {
        self.key == public
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(super) fn is_valid_at(&self, moment: Moment) -> bool {
        (self.from..=self.until).contains(&moment.seconds())
    }

    /// Whether it may sign certificates of this kind: those that its extended key usage names, or all if it names none.
    pub(super) fn may_certify(&self, subject: Subject) -> bool {
        let kinds = |usage: &String| USAGES.iter().find_map(|arc| usage.strip_prefix(arc)).map(str::to_owned);
        let kinds: Vec<String> = self.usages.iter().filter_map(kinds).collect();
        kinds.is_empty() || kinds.contains(&(subject as u8).to_string())
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self.algorithm {
            Algorithm::Es256 => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.key).verify(message, signature)
            }
            Algorithm::Ps256 => {
                UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, &self.key).verify(message, signature)
            }
        }
        .is_ok()
    }
}

/// A self-signed certificate of a P-256 key in PKCS #8, as PEM: valid from yesterday, for ten years, for tests.
pub(crate) fn make(pkcs8: &[u8]) -> Option<String> {
    let key = KeyPair::try_from(pkcs8).ok()?;
    let mut params = CertificateParams::default();
    for (kind, value) in [
        (DnType::CountryName, "FR"),
        (DnType::OrganizationName, "Peakday"),
        (DnType::CommonName, "Peakday signer of synthetic test certificates"),
    ] {
        params.distinguished_name.push(kind, value);
    }
    let today = DateTime::from_timestamp(Moment::now().seconds(), 0)?.date_naive();
    let from = today.checked_sub_days(Days::new(1))?;
    // The first of the month: every year has it.
    let until = NaiveDate::from_ymd_opt(from.year() + YEARS, from.month(), 1)?;
    let midnight = |date: NaiveDate| {
        let (month, day) = (u8::try_from(date.month()).ok()?, u8::try_from(date.day()).ok()?);
        Some(rcgen::date_time_ymd(date.year(), month, day))
    };
    params.not_before = midnight(from)?;
    params.not_after = midnight(until)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Other(TESTS.to_vec())];
    let der = params.self_signed(&key).ok()?;
    SignerCertificate::of_der(der.der()).ok().map(|certificate| certificate.pem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Keys;

    #[test]
    fn the_certificate_of_our_key_reads_back_and_is_for_tests_alone() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::open(folder.path()).unwrap();
        let other = Keys::open(tempfile::tempdir().unwrap().path()).unwrap();
        let signer = &keys.signer;
        assert!(signer.is_of(keys.document.public()) && !signer.is_of(other.document.public()));
        assert!(signer.may_certify(Subject::Test));
        assert!(!signer.may_certify(Subject::Vaccination) && !signer.may_certify(Subject::Recovery));
        assert!(signer.is_valid_at(Moment::now()));
        assert!(!signer.is_valid_at(Moment::from_millis(0)));
        let again = SignerCertificate::parse(signer.pem().as_bytes()).unwrap();
        assert_eq!(again.key_id(), signer.key_id());
        let explained = format!("A certificate.\n{}", signer.pem());
        assert_eq!(SignerCertificate::parse(explained.as_bytes()).unwrap().key_id(), signer.key_id());
    }

    #[test]
    fn what_is_no_certificate_is_refused_with_the_reason() {
        for (text, reason) in
            [(&b"\xff"[..], "not text"), (b"!", "not base64"), (b"AAAA", "not an X.509 certificate")]
        {
            let error = SignerCertificate::parse(text).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}
