//! The server's keys: made once, kept in the data folder, so that tokens, sessions and receipts survive a restart.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use aws_lc_rs::signature::{ParsedPublicKey, UnparsedPublicKey};
use aws_lc_rs::{constant_time, hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::dcc::{self, SignerCertificate};
use crate::hex;
use crate::keyring::Keyring;
use crate::moment::Moment;

/// All keys of a server.
#[derive(Debug)]
pub(crate) struct Keys {
    /// Sign tokens.
    pub(crate) issuer: Keyring,
    /// Signs certificates.
    pub(crate) document: SigningKey,
    /// Vouches for that key.
    pub(crate) signer: SignerCertificate,
    /// Keys the hashes of birth dates, receipts and sessions.
    pub(crate) secret: Secret,
    /// Keys the pseudonyms of the statistics, and nothing else.
    pub(crate) statistics: StatisticsKey,
}

/// What is wrong with a file that holds no key.
pub(crate) const NOT_A_KEY: &str = "it is not a P-256 key in PKCS #8";

/// A key file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the key {} cannot be used: {reason}", path.display())]
pub struct KeyError {
    path: PathBuf,
    reason: String,
}

impl Keys {
    /// Reads the keys in `folder`; makes those that are missing.
    pub(crate) fn open(folder: &Path) -> Result<Keys, KeyError> {
        let signing = |name: &str| {
            let path = folder.join(name);
            let bytes = read_or_make(&path, new_key)?;
            let key = SigningKey::parse(&bytes);
            key.map(|key| (key, bytes)).ok_or_else(|| refused(&path, NOT_A_KEY))
        };
        let issuer = Keyring::open(folder, Moment::now())?;
        let (document, document_bytes) = signing("document.p8")?;
        let signer = signer(&folder.join("signer.pem"), &document, &document_bytes)?;
        let secret = Secret::open(&folder.join("secret.key"))?;
        Ok(Keys { issuer, document, signer, secret, statistics: StatisticsKey::open(folder)? })
    }
}

/// The key of the pseudonyms, in a file of its own, so that it can be changed and kept apart.
#[derive(Debug)]
pub(crate) struct StatisticsKey {
    secret: Secret,
    id: String,
}

impl StatisticsKey {
    const FILE: &str = "statistics.key";

    fn open(folder: &Path) -> Result<StatisticsKey, KeyError> {
        let secret = Secret::open(&folder.join(StatisticsKey::FILE))?;
        let id = hex::encode(&secret.mac("statistics key", &[])[..8]);
        Ok(StatisticsKey { secret, id })
    }

    /// Makes a new key in the place of the old one.
    pub(crate) fn rotate(folder: &Path) -> Result<StatisticsKey, KeyError> {
        let path = folder.join(StatisticsKey::FILE);
        let bytes = random().ok_or_else(|| refused(&path, "it could not be made"))?;
        replace(&path, &bytes).map_err(|error| refused(&path, error))?;
        StatisticsKey::open(folder)
    }

    /// Tells one key from another, and nothing about it.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The pseudonym of whoever has this identity number.
    pub(crate) fn pseudonym(&self, identifier: &str) -> String {
        hex::encode(&self.secret.mac("pseudonym", &[identifier.as_bytes()])[..16])
    }
}

fn random() -> Option<Vec<u8>> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).ok().map(|()| bytes.to_vec())
}

/// The certificate of the key that signs certificates.
fn signer(path: &Path, key: &SigningKey, pkcs8: &[u8]) -> Result<SignerCertificate, KeyError> {
    let bytes = read_or_make(path, || dcc::make(pkcs8).map(String::into_bytes))?;
    let signer = SignerCertificate::parse(&bytes).map_err(|reason| refused(path, reason))?;
    if signer.is_of(key.public()) {
        Ok(signer)
    } else {
        Err(refused(path, "it is the certificate of another key than document.p8; remove it for a new one"))
    }
}

/// A P-256 key that signs with ES256.
pub(crate) struct SigningKey {
    pair: EcdsaKeyPair,
    public: ParsedPublicKey,
    id: String,
}

impl SigningKey {
    pub(crate) fn parse(pkcs8: &[u8]) -> Option<SigningKey> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).ok()?;
        let public = pair.public_key().as_ref();
        let id = hex::encode(&Sha256::digest(public)[..8]);
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public).parse().ok()?;
        Some(SigningKey { pair, public, id })
    }

    /// The name under which its public half is published.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The public half, an uncompressed point.
    pub(crate) fn public(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// The signature, r and s of 32 bytes each.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let signature = self.pair.sign(&rand::SystemRandom::new(), message).ok()?;
        Some(signature.as_ref().to_vec())
    }

    /// Whether this key made that signature.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.public.verify_sig(message, signature).is_ok()
    }

    /// The public half as a JSON Web Key (RFC 7517).
    pub(crate) fn jwk(&self) -> serde_json::Value {
        // An uncompressed point: 4, then x and y of 32 bytes each.
        let point = self.pair.public_key().as_ref();
        serde_json::json!({
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": self.id,
            "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..65]),
        })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.id)
    }
}

/// The key of every keyed hash; the purpose keeps their uses apart.
pub(crate) struct Secret(hmac::Key);

impl Secret {
    /// Reads the key in this file, or makes it.
    fn open(path: &Path) -> Result<Secret, KeyError> {
        let secret = read_or_make(path, random)?;
        if secret.len() != 32 {
            return Err(refused(path, "it has not 32 bytes"));
        }
        Ok(Secret(hmac::Key::new(hmac::HMAC_SHA256, &secret)))
    }

    /// HMAC-SHA-256 of the parts under this purpose; every part but the last has a fixed length.
    pub(crate) fn mac(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(purpose.as_bytes());
        context.update(&[0]);
        for part in parts {
            context.update(part);
        }
        let mut mac = [0; 32];
        mac.copy_from_slice(context.sign().as_ref());
        mac
    }

    /// Whether `given` is the beginning of that MAC, in constant time.
    pub(crate) fn matches(&self, purpose: &str, parts: &[&[u8]], given: &[u8]) -> bool {
        let mac = self.mac(purpose, parts);
        given.len() >= 8
            && given.len() <= mac.len()
            && constant_time::verify_slices_are_equal(&mac[..given.len()], given).is_ok()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// A new P-256 key in PKCS #8.
pub(crate) fn new_key() -> Option<Vec<u8>> {
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &rand::SystemRandom::new());
    key.map(|key| key.as_ref().to_vec()).ok()
}

pub(crate) fn read_or_make(path: &Path, make: impl FnOnce() -> Option<Vec<u8>>) -> Result<Vec<u8>, KeyError> {
    match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        other => return other.map_err(|error| refused(path, error)),
    }
    let bytes = make().ok_or_else(|| refused(path, "it could not be made"))?;
    match write_whole(path, &bytes) {
        // Another server that shares the folder was quicker: its key is the one.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => std::fs::read(path),
        written => written.map(|()| bytes),
    }
    .map_err(|error| refused(path, error))
}

/// Writes a file that only its owner may read, whole or not at all, if there is none.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let draft = draft(path, bytes)?;
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    linked?;
    sync_folder(path)
}

/// Writes such a file in the place of the one that is there.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::rename(draft(path, bytes)?, path)?;
    sync_folder(path)
}

/// Writes a file beside the one that it is for, under a name of its own.
fn draft(path: &Path, bytes: &[u8]) -> std::io::Result<PathBuf> {
    let mut own = [0; 8];
    rand::fill(&mut own).map_err(|_| std::io::Error::other("no random numbers"))?;
    let draft = path.with_extension(format!("new-{}", hex::encode(&own)));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(draft)
}

fn sync_folder(path: &Path) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

pub(crate) fn refused(path: &Path, reason: impl fmt::Display) -> KeyError {
    KeyError { path: path.to_owned(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let before = Keys::open(folder.path()).unwrap();
        let now = Moment::now();
        let signature = before.issuer.signing(now).unwrap().sign(b"message").unwrap();
        let mac = before.secret.mac("session", &[b"x"]);
        let after = Keys::open(folder.path()).unwrap();
        let issuer = after.issuer.signing(now).unwrap();
        assert!(issuer.verifies(b"message", &signature) && !issuer.verifies(b"massage", &signature));
        assert!(!after.document.verifies(b"message", &signature));
        assert!(after.secret.matches("session", &[b"x"], &mac));
        assert!(!after.secret.matches("receipt", &[b"x"], &mac));
        assert!(!after.secret.matches("session", &[b"x"], &[]));
    }

    #[test]
    fn pseudonyms_stay_until_their_key_is_changed_and_are_of_no_other_key() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::open(folder.path()).unwrap();
        let before = keys.statistics.pseudonym("285057500000196");
        assert_eq!(before.len(), 32);
        assert_eq!(Keys::open(folder.path()).unwrap().statistics.pseudonym("285057500000196"), before);
        assert_ne!(keys.statistics.pseudonym("285057500000293"), before);
        let rotated = StatisticsKey::rotate(folder.path()).unwrap();
        assert_ne!(rotated.pseudonym("285057500000196"), before);
        assert_ne!(rotated.id(), keys.statistics.id());
        let after = Keys::open(folder.path()).unwrap();
        assert_eq!(after.statistics.id(), rotated.id());
        assert!(after.secret.matches("x", &[], &keys.secret.mac("x", &[])), "the other keys stay");
    }

    #[test]
    fn a_spoilt_key_is_refused_with_its_path() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("document.p8"), b"not a key").unwrap();
        let error = Keys::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("document.p8"), "{error}");
    }
}
