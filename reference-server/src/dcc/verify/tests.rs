//! Texts that are valid, and every way of not being it.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PSS_SHA256, RsaKeyPair};
use coset::{CoseSign1Builder, HeaderBuilder, TaggedCborSerializable};
use proptest::prelude::*;
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize};

use super::inflate::LARGEST_MESSAGE;
use super::*;
use crate::dcc::payload::{payload, sample_record};
use crate::dcc::seal::{seal, text_of};
use crate::keys::Keys;

fn keys() -> Keys {
    let folder = tempfile::tempdir().unwrap();
    Keys::open(folder.path()).unwrap()
}

fn issued(keys: &Keys, now: Moment) -> String {
    let payload = payload(&sample_record(), "centre", "URN:UVCI:01:FR:W7V2BE46QSBJ#L".to_owned()).unwrap();
    seal(&keys.document, &keys.signer, &payload, now).unwrap()
}

fn verifier(keys: &Keys) -> Verifier {
    Verifier::new(keys.signer.pem().as_bytes()).unwrap()
}

fn later(moment: Moment, seconds: i64) -> Moment {
    Moment::from_millis(moment.millis() + seconds * 1_000)
}

/// The message inside a text, and its text again after a change.
fn changed(text: &str, change: impl FnOnce(&mut CoseSign1)) -> String {
    let mut message = message_of(text).unwrap();
    change(&mut message);
    text_of(&message.to_tagged_vec().unwrap())
}

#[test]
fn what_was_issued_is_valid_for_three_days_and_says_what_was_recorded() {
    let (keys, now) = (keys(), Moment::now());
    let (text, verifier) = (issued(&keys, now), verifier(&keys));
    let seen = verifier.verify(&text, now).unwrap();
    assert_eq!(seen["nam"]["fnt"], "EXEMPLE<ETE");
    assert_eq!(seen["t"][0]["ci"], "URN:UVCI:01:FR:W7V2BE46QSBJ#L");
    assert_eq!(verifier.verify(&format!("{text}\n"), now).unwrap(), seen);
    assert!(verifier.verify(&text, later(now, 3 * 86_400 - 1)).is_ok());
    assert_eq!(verifier.verify(&text, later(now, 3 * 86_400)), Err(NotValid::Expired));
    assert_eq!(verifier.verify(&text, later(now, -1)), Err(NotValid::NotYet));
}

#[test]
fn every_flipped_bit_of_the_message_makes_it_invalid() {
    let (keys, now) = (keys(), Moment::now());
    let (text, verifier) = (issued(&keys, now), verifier(&keys));
    let message = message_of(&text).unwrap().to_tagged_vec().unwrap();
    assert!(verifier.verify(&text_of(&message), now).is_ok());
    for place in 0..message.len() {
        let mut spoilt = message.clone();
        spoilt[place] ^= 1 << (place % 8);
        assert!(verifier.verify(&text_of(&spoilt), now).is_err(), "byte {place}");
    }
}

#[test]
fn every_flipped_bit_of_the_text_makes_it_invalid() {
    let (keys, now) = (keys(), Moment::now());
    let (text, verifier) = (issued(&keys, now), verifier(&keys));
    for place in 0..text.len() {
        for bit in 0..8 {
            let spoilt = |(at, byte)| char::from(if at == place { byte ^ 1 << bit } else { byte });
            let spoilt: String = text.bytes().enumerate().map(spoilt).collect();
            assert!(verifier.verify(&spoilt, now).is_err(), "character {place}, bit {bit} of {text}");
        }
    }
}

#[test]
fn another_key_is_refused_by_its_name_and_by_its_signature() {
    let (keys, other, now) = (keys(), keys(), Moment::now());
    let verifier = verifier(&keys);
    assert_eq!(verifier.verify(&issued(&other, now), now), Err(NotValid::OtherKey));
    let payload = payload(&sample_record(), "centre", "ci".to_owned()).unwrap();
    let forged = seal(&other.document, &keys.signer, &payload, now).unwrap();
    assert_eq!(verifier.verify(&forged, now), Err(NotValid::Signature));
}

#[test]
fn the_protected_key_name_decides_and_the_unprotected_one_serves_without_it() {
    let (keys, now) = (keys(), Moment::now());
    let (text, verifier) = (issued(&keys, now), verifier(&keys));
    let contradicted = changed(&text, |message| message.unprotected.key_id = vec![0; 8]);
    assert!(verifier.verify(&contradicted, now).is_ok());

    let token = message_of(&text).unwrap().payload.unwrap();
    let unprotected = |kid: &[u8]| {
        let message = CoseSign1Builder::new()
            .protected(HeaderBuilder::new().algorithm(iana::Algorithm::ES256).build())
            .unprotected(HeaderBuilder::new().key_id(kid.to_vec()).build())
            .payload(token.clone())
            .create_signature(&[], |bytes| keys.document.sign(bytes).unwrap())
            .build();
        text_of(&message.to_tagged_vec().unwrap())
    };
    assert!(verifier.verify(&unprotected(&keys.signer.key_id()), now).is_ok());
    assert_eq!(verifier.verify(&unprotected(&[0; 8]), now), Err(NotValid::OtherKey));
}

#[test]
fn an_rsa_signer_signs_with_ps256_and_nothing_else() {
    let rsa = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let certificate = CertificateParams::default().self_signed(&rsa).unwrap();
    let der = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, certificate.der());
    let verifier = Verifier::new(der.as_bytes()).unwrap();
    let pair = RsaKeyPair::from_pkcs8(&rsa.serialize_der()).unwrap();

    let now = Moment::now();
    let token = message_of(&issued(&keys(), now)).unwrap().payload.unwrap();
    let signed = |algorithm| {
        let message = CoseSign1Builder::new()
            .protected(HeaderBuilder::new().algorithm(algorithm).build())
            .payload(token.clone())
            .create_signature(&[], |bytes| {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PSS_SHA256, &SystemRandom::new(), bytes, &mut signature).unwrap();
                signature
            })
            .build();
        text_of(&message.to_tagged_vec().unwrap())
    };
    assert!(verifier.verify(&signed(iana::Algorithm::PS256), now).is_ok());
    assert_eq!(verifier.verify(&signed(iana::Algorithm::ES256), now), Err(NotValid::Algorithm("PS256")));
}

#[test]
fn each_layer_that_is_not_what_it_must_be_is_named() {
    let (keys, now) = (keys(), Moment::now());
    let (text, verifier) = (issued(&keys, now), verifier(&keys));
    let reason = |text: &str| verifier.verify(text, now).unwrap_err().to_string();
    assert_eq!(reason(&text.replacen("HC1:", "HC2:", 1)), NotValid::Prefix.to_string());
    assert_eq!(reason(&text[4..]), NotValid::Prefix.to_string());
    assert!(reason(&format!("{text}é")).contains("base45"));
    assert!(reason(&format!("HC1:{}", base45::encode(b"plain"))).contains("zlib"));
    assert!(reason(&text_of(b"\xff")).contains("CBOR"));
    assert!(reason(&text_of(b"\x00")).contains("COSE_Sign1"));
    let mut twice = base45::decode(&text[4..]).unwrap();
    twice.push(0);
    assert!(reason(&format!("HC1:{}", base45::encode(twice))).contains("follows"));
    let stripped = changed(&text, |message| message.payload = None);
    assert!(reason(&stripped).contains("payload"));
}

#[test]
fn a_bomb_is_refused_before_it_unfolds() {
    let (keys, now) = (keys(), Moment::now());
    let verifier = verifier(&keys);
    let bomb = text_of(&vec![0; 4_000_000]);
    assert!(bomb.len() < LONGEST_TEXT, "{} characters", bomb.len());
    assert_eq!(verifier.verify(&bomb, now), Err(NotValid::TooLarge("its message", LARGEST_MESSAGE)));
    let endless = format!("HC1:{}", "0".repeat(LONGEST_TEXT));
    assert_eq!(verifier.verify(&endless, now), Err(NotValid::TooLarge("the text", LONGEST_TEXT)));
    // Arrays in arrays, ten thousand deep.
    let deep = text_of(&[0x81; 10_000]);
    assert_eq!(verifier.verify(&deep, now), Err(NotValid::Malformed("CBOR")));
}

/// A certificate of the European Commission's test data (`common`, CO18; Apache-2.0): a signer with extended key
/// usages, an entry of the first version of the schema.
#[test]
fn a_certificate_of_the_european_test_data_is_valid_until_it_expires() {
    const TEXT: &str = "HC1:NCFOXN%TS3DH2N42QNI$TP$5F.D *M0IIO1MC9BBD26:RI9CGJ9 9CTFOR$S:LC/GPWBILC9FF9YPL-RSLCDO%0FWU/LV%L3PJAD74M:1B1C.+IIYC6Q0ZIJPKJ+LJ%2TK/IS/SR4DKJ5QWCB4DN57E-4LXKV85HZ0T+0K%I17JLXKB6J57TJK57ALT$I/+GDG6Z$U*C2OQ1:PIGEGEV4*2D$43B+2SEB7:I/2DY73CIBC:GUC7QHBN83GG3NQN%976FNXEB.FJN83HB3EG3CAJTA3ANBXEBKJ33ZCIATULV:SNS8F-67N%21Q21$4D-I/2DBAJDAJCNB-43NU4TZ8 ZPSR9FX9ON1:PI/E2$4J6AL.+I9UV6$0+BNPHNBC7CTR3$VDY0DUFRLN/Y0Y/K9/I.F0R59.G9/G9F:QQ28R3U:XF2PC0THYZQ4H99$R2-JIS77%F.UINXU: RFTIDG62QEZUIQJAZGA2:UG%UJMI:TU+MM0W5QX53W12XED P5S3$+27-F-/VCNQ-YRUZ59A8.ZP24I05O*3NWB6ZQEO1U:J2T3LH6N++BJ+RL0FCJGLAW-6JX6GO$KQVN+9CW2T%MV *VU4VEMHK KW8SA00G30-4";
    const SIGNER: &str = "MIIBVzCB/6ADAgECAgRyqpBNMAoGCCqGSM49BAMCMBAxDjAMBgNVBAMMBUVDLU1lMB4XDTIxMDUwMzE4MDAwMFoXDTIxMDYwMjE4MDAwMFowEDEOMAwGA1UEAwwFRUMtTWUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARX/ViohkfxsjE5PzRdONoT/NAQDs7NLOHIDwxXfm4tgl0TeCom02FfSMep2l3W0H/SPECpQ1Kn2fV2xWKdiutxo0cwRTAOBgNVHQ8BAf8EBAMCBaAwMwYDVR0lBCwwKgYMKwYBBAEAjjePZQEBBgwrBgEEAQCON49lAQIGDCsGAQQBAI43j2UBAzAKBggqhkjOPQQDAgNHADBEAiAjC4CSYO5i37bNF9ctQBXZUD3KlS/a1PuSSFPii6XupAIgJEQi7krgItnwdRAwUBXx4MAobfiyP76tuM7ZJbwDwKI=";
    let verifier = Verifier::new(SIGNER.as_bytes()).unwrap();
    let at = |text: &str| {
        Moment::from_millis(chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis())
    };
    let payload = verifier.verify(TEXT, at("2021-05-03T20:00:00+02:00")).unwrap();
    assert_eq!(payload["nam"]["fnt"], "MUSTERFRAU<GOESSINGER");
    assert_eq!(verifier.verify(TEXT, at("2021-05-05T20:00:00+02:00")), Err(NotValid::Expired));
}

proptest! {
    #[test]
    fn no_text_brings_the_verifier_down(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let encoded = format!("HC1:{}", base45::encode(&bytes));
        prop_assert!(message_of(&encoded).is_err());
        // Any item of CBOR that is no message.
        prop_assert!(message_of(&text_of(&bytes)).is_err());
    }
}
