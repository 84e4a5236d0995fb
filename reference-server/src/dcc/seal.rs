//! From a payload to a text: CBOR Web Token, COSE_Sign1 with ES256, zlib, base45, `HC1:`.

use std::io::Write;
use std::time::Duration;

use ciborium::Value;
use coset::{CoseSign1Builder, HeaderBuilder, TaggedCborSerializable, iana};
use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::payload::Payload;
use super::signer::SignerCertificate;
use super::{EU_DCC_V1, EXPIRES, HEALTH, ISSUED, ISSUER, PREFIX};
use crate::keys::SigningKey;
use crate::moment::Moment;

/// How long a certificate is valid after it was issued; SI-DEP's were for about as long.
const LIFETIME: Duration = Duration::from_secs(3 * 86_400);

/// The text of a certificate that is issued now; `None` when it could not be signed.
///
/// It expires after three days, and with the signer's certificate at the latest.
pub(crate) fn seal(
    key: &SigningKey,
    signer: &SignerCertificate,
    payload: &Payload,
    now: Moment,
) -> Option<String> {
    let expires = now.after(LIFETIME).seconds().min(signer.valid_until());
    let health = Value::Map(vec![(EU_DCC_V1.into(), Value::serialized(payload).ok()?)]);
    let claims = Value::Map(vec![
        (ISSUER.into(), "FR".into()),
        (EXPIRES.into(), expires.into()),
        (ISSUED.into(), now.seconds().into()),
        (HEALTH.into(), health),
    ]);
    let mut token = Vec::with_capacity(512);
    ciborium::into_writer(&claims, &mut token).ok()?;
    Some(text_of(&signed(key, signer.key_id(), token)?))
}

fn signed(key: &SigningKey, key_id: [u8; 8], token: Vec<u8>) -> Option<Vec<u8>> {
    let header = HeaderBuilder::new().algorithm(iana::Algorithm::ES256).key_id(key_id.to_vec()).build();
    CoseSign1Builder::new()
        .protected(header)
        .payload(token)
        .try_create_signature(&[], |message| key.sign(message).ok_or(()))
        .ok()?
        .build()
        .to_tagged_vec()
        .ok()
}

/// A signed message as a text that a QR code holds in its alphanumeric mode.
pub(super) fn text_of(message: &[u8]) -> String {
    let mut zlib = ZlibEncoder::new(Vec::with_capacity(512), Compression::new(6));
    // Writing to a vector does not fail.
    let compressed = zlib.write_all(message).and_then(|()| zlib.finish()).unwrap_or_default();
    format!("{PREFIX}{}", base45::encode(compressed))
}
