//! Sign-in: the issuer's keys as others see them, and the outage of 13 August 2021.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reference_server::accounts::secret;
use serde_json::Value;

use crate::client::Client;
use crate::server::{InProcess, Process, command};
use crate::synthetic;

/// A part of a token as JSON.
fn part(token: &str, index: usize) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap()).unwrap()
}

async fn published(client: &mut Client) -> Vec<Value> {
    let keys = client.get("/oidc/jwks.json").await.expect(200).json();
    keys["keys"].as_array().unwrap().clone()
}

fn names(keys: &[Value]) -> BTreeSet<String> {
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// The order that says whether the issuer is down.
fn order(down: bool) -> Vec<u8> {
    format!(r#"{{"issuer_down":{down},"sign_in_us":0,"commit_us":0,"read_us":0}}"#).into_bytes()
}

#[tokio::test]
async fn whoever_reads_the_published_keys_can_verify_a_token() {
    let server = InProcess::start("").await;
    let mut client = server.signed_in("sw-1").await;
    let found = client.get("/.well-known/openid-configuration").await.expect(200).json();
    assert_eq!(found["issuer"], "http://sidep.test");
    for (name, path) in [("token_endpoint", "/oidc/token"), ("jwks_uri", "/oidc/jwks.json")] {
        assert_eq!(found[name], format!("http://sidep.test{path}"));
    }
    let token = client.token().unwrap().to_owned();
    let (header, claims) = (part(&token, 0), part(&token, 1));
    assert_eq!((&header["alg"], &claims["iss"]), (&"ES256".into(), &found["issuer"]));
    assert_eq!((&claims["aud"], &claims["sub"]), (&"sidep".into(), &"sw-1".into()));
    let keys = published(&mut client).await;
    let key = keys.iter().find(|key| key["kid"] == header["kid"]).unwrap();
    let half = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
    let point = [vec![4], half("x"), half("y")].concat();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    key.verify(signed.as_bytes(), &signature).unwrap();
    assert!(key.verify(&signed.as_bytes()[1..], &signature).is_err());
    // Nothing private is in it.
    assert!(keys.iter().all(|key| key.get("d").is_none()));
}

#[tokio::test]
async fn keys_change_with_time_and_tokens_of_the_earlier_ones_stay_good_over_a_restart() {
    let mut server = InProcess::start("[issuer]\nrotate_keys = \"300ms\"").await;
    let mut first = server.signed_in("89900000001").await;
    let old = first.token().unwrap().to_owned();
    let name_in = |token: &str| part(token, 0)["kid"].as_str().unwrap().to_owned();
    let mut seen = BTreeSet::from([name_in(&old)]);
    for _ in 0..1_000 {
        let client = server.signed_in("89900000001").await;
        let name = name_in(client.token().unwrap());
        assert!(names(&published(&mut first).await).contains(&name), "what signs is published");
        seen.insert(name);
        if seen.len() == 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(seen.len(), 3, "the keys change");
    first.get("/pro/entry").await.expect(200);
    let before = names(&published(&mut first).await);
    server.restart().await;
    let mut again = server.client().await;
    again.use_token(Some(&old));
    again.get("/pro/entry").await.expect(200);
    assert!(names(&published(&mut again).await).is_superset(&before));
}

#[test]
fn a_key_is_made_on_demand_and_published_by_a_server_that_runs() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Process::start(command(&data));
    let rotate = || {
        let program = env!("CARGO_BIN_EXE_sidep-server");
        std::process::Command::new(program).arg("rotate-keys").arg(&data).output().unwrap()
    };
    let made = rotate();
    let name = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    assert!(made.status.success() && name.len() == 16, "{name}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut client = Client::connect(server.address).await.unwrap();
        let mut found = BTreeSet::new();
        for _ in 0..1_000 {
            found = names(&published(&mut client).await);
            if found.contains(&name) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!((found.contains(&name), found.len()), (true, 2));
        // It does not sign before others can know it.
        let answer = client.sign_in("sw-1", &secret("sw-1"), None).await.expect(200).json();
        assert_ne!(part(answer["access_token"].as_str().unwrap(), 0)["kid"], name);
    });
    drop(server);
    let nowhere = std::process::Command::new(env!("CARGO_BIN_EXE_sidep-server"))
        .arg("rotate-keys")
        .arg(folder.path().join("nowhere"))
        .output()
        .unwrap();
    assert_eq!(nowhere.status.code(), Some(2));
}

#[tokio::test]
async fn while_the_issuer_is_down_open_sessions_work_new_sign_ins_fail_and_labs_notice_nothing() {
    let server = InProcess::start("").await;
    let (mut person, mut software) = (server.signed_in("89900000001").await, server.signed_in("sw-1").await);
    let mut lab = server.signed_in("lab-1").await;
    assert!(server.obey(&order(true)));
    for account in ["89900000001", "89900000002", "sw-1"] {
        let refused = server.client().await.sign_in(account, &secret(account), None).await.expect(503);
        assert!(refused.headers.contains_key("retry-after"));
    }
    for path in ["/oidc/jwks.json", "/.well-known/openid-configuration"] {
        server.client().await.get(path).await.expect(503);
    }
    // Whoever is in stays in: the keys that verify are the server's own.
    person.get("/pro/entry").await.expect(200);
    person.enter(1).await;
    software.enter(2).await;
    lab.post_json("/v1/results", &synthetic::batch(10..15)).await.expect(201);
    // Laboratories come in as ever.
    server.signed_in("lab-2").await.post_json("/v1/results", &synthetic::batch(20..25)).await.expect(201);
    assert_eq!(server.metric("sidep_store_results_total").await, 12.0);
    assert!(server.obey(&order(false)));
    server.signed_in("89900000002").await.get("/pro/entry").await.expect(200);
}
