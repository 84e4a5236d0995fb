//! Who gets in where: every route, without a token, with a wrong one, with somebody else's, with a guessed link.

use std::collections::BTreeSet;

use bytes::Bytes;
use hyper::{Method, StatusCode};

use crate::client::{Answer, Client};
use crate::server::{InProcess, write};
use crate::synthetic::{self, BIRTH_DATE};

/// What a request needs to be let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// Nothing: it tells nothing about anybody.
    Nothing,
    /// A token with this scope.
    Scope(&'static str),
    /// A token with this scope, of the account that handed the result in.
    Owner(&'static str),
    /// A session of the portal, which no token stands for.
    Portal,
    /// The session that the right birth date opens on this very link.
    Session,
    /// The birth date itself.
    BirthDate,
    /// The receipt: it tells that a result is stored, and nothing else of it.
    Receipt,
}

/// Every route. A new one belongs here, and into `src/openapi.json`.
const ROUTES: &[(&str, &str, Needs)] = &[
    ("post", "/v1/results", Needs::Scope("result:write")),
    ("get", "/v1/results/{id}", Needs::Owner("result:read")),
    ("get", "/v1/results/{id}/certificate.txt", Needs::Owner("result:read")),
    ("get", "/v1/receipts/{receipt}", Needs::Receipt),
    ("get", "/v1/certificates/signer.pem", Needs::Nothing),
    ("get", "/v1/statistics", Needs::Scope("statistics:read")),
    ("get", "/pro/entry", Needs::Scope("result:write")),
    ("get", "/pro/patients", Needs::Scope("result:read")),
    ("post", "/pro/drafts", Needs::Scope("result:write")),
    ("post", "/pro/entry", Needs::Portal),
    ("get", "/pro", Needs::Portal),
    ("get", "/pro/results/{id}", Needs::Portal),
    ("get", "/pro/results/{id}/print", Needs::Portal),
    ("post", "/pro/sign-out", Needs::Portal),
    ("get", "/pro/sign-in", Needs::Nothing),
    ("get", "/pro/sign-in/begin", Needs::Nothing),
    ("get", "/pro/callback", Needs::Nothing),
    ("get", "/oidc/authorize", Needs::Nothing),
    ("post", "/oidc/authorize", Needs::Nothing),
    ("get", "/", Needs::Nothing),
    ("get", "/demo/messages", Needs::Nothing),
    ("get", "/style.css", Needs::Nothing),
    ("get", "/p/{link}", Needs::Nothing),
    ("post", "/p/{link}", Needs::BirthDate),
    ("get", "/p/{link}/result", Needs::Session),
    ("get", "/p/{link}/certificate.txt", Needs::Session),
    ("get", "/p/{link}/certificate.png", Needs::Session),
    ("get", "/p/{link}/certificate.pdf", Needs::Session),
    ("post", "/oidc/token", Needs::Nothing),
    ("get", "/oidc/jwks.json", Needs::Nothing),
    ("get", "/.well-known/openid-configuration", Needs::Nothing),
    ("get", "/.well-known/peakday.json", Needs::Nothing),
    ("get", "/healthz", Needs::Nothing),
    ("get", "/readyz", Needs::Nothing),
    ("get", "/metrics", Needs::Nothing),
    ("get", "/openapi.json", Needs::Nothing),
    ("get", "/truth/{name}", Needs::Nothing),
    ("post", "/truth/{name}", Needs::Nothing),
];

const OWNER: &str = "89900000001";
const SCOPES: [&str; 3] = ["result:write", "result:read", "statistics:read"];

/// A server with a result of the owner's, and where it is.
struct Scene {
    server: InProcess,
    id: String,
    receipt: String,
    link: String,
    cookie: String,
}

impl Scene {
    async fn new() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let lines: Vec<_> = (0..2).map(|number| synthetic::preload_line(number, OWNER)).collect();
        let file = write(folder.path(), "earlier.jsonl", &lines.join("\n"));
        let server = InProcess::start_with("", |options| options.preload = Some(file)).await;
        let mut owner = server.signed_in(OWNER).await;
        let entered = owner.enter(7).await;
        let text = |key: &str| entered[key].as_str().unwrap().to_owned();
        let link = synthetic::link(0);
        let cookie = session(&server, &link).await;
        Scene { id: text("result_id"), receipt: text("receipt"), link, cookie, server }
    }

    /// A path to the owner's result.
    fn path(&self, template: &str) -> String {
        let path = template.replace("{id}", &self.id).replace("{receipt}", &self.receipt);
        let path = path.replace("{link}", &self.link).replace("{name}", "none");
        match template {
            "/pro/patients" => format!("{path}?name=Exemple"),
            "/v1/statistics" => format!("{path}?day=2026-01-01"),
            _ => path,
        }
    }
}

/// The cookie that the right birth date gives.
async fn session(server: &InProcess, link: &str) -> String {
    let date = format!("birth_date={BIRTH_DATE}");
    let answer = server.client().await.post_form(&format!("/p/{link}"), &date).await.expect(200);
    answer.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
}

/// A request as good as it can be, but for what it needs to be let in.
async fn ask(client: &mut Client, method: &str, path: &str, cookie: Option<&str>) -> Answer {
    let (media_type, body) = match path.split('/').nth(1) {
        Some("v1") => ("application/json", synthetic::entry(9).to_string()),
        Some("pro") => ("application/json", "{\"family_name\":\"Exemple\"}".to_owned()),
        _ => ("application/x-www-form-urlencoded", "birth_date=1999-12-31".to_owned()),
    };
    let mut headers = vec![("content-type", media_type)];
    headers.extend(cookie.map(|cookie| ("cookie", cookie)));
    let (method, body) = match method {
        "get" => (Method::GET, Bytes::new()),
        _ => (Method::POST, Bytes::from(body)),
    };
    client.send(method, path, &headers, body).await.unwrap()
}

/// Whether an answer says anything about the people of these results.
fn tells(answer: &Answer) -> bool {
    let text = answer.text();
    let is_file = |kind| answer.headers.get("content-type").is_some_and(|is| is == kind);
    let people = [0, 1, 7, 9].map(synthetic::entry);
    let told = |entry: &serde_json::Value| {
        ["family_name", "identifier"].iter().any(|key| text.contains(entry["patient"][key].as_str().unwrap()))
    };
    people.iter().any(told) || text.contains("HC1:") || is_file("image/png") || is_file("application/pdf")
}

#[tokio::test]
async fn every_route_is_in_this_table() {
    let server = InProcess::start("").await;
    let document = server.client().await.get("/openapi.json").await.expect(200).json();
    let paths = document["paths"].as_object().unwrap().iter();
    let told: BTreeSet<_> = paths
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(move |method| (method.as_str(), path.as_str()))
        })
        .collect();
    let tested: BTreeSet<_> = ROUTES.iter().map(|(method, path, _)| (*method, *path)).collect();
    assert_eq!(told, tested, "add the route to ROUTES, with what it needs");
}

#[tokio::test]
async fn without_a_token_or_with_one_that_is_not_good_nobody_gets_in() {
    let scene = Scene::new().await;
    let good = scene.server.signed_in(OWNER).await.token().unwrap().to_owned();
    let other_server = InProcess::start("").await;
    let foreign = other_server.signed_in(OWNER).await.token().unwrap().to_owned();
    let (head, rest) = good.split_once('.').unwrap();
    let unsigned = format!("{head}.{}.", rest.split_once('.').unwrap().0);
    let mut client = scene.server.client().await;
    for (method, template, needs) in ROUTES {
        let (Needs::Scope(_) | Needs::Owner(_)) = needs else { continue };
        for token in
            [None, Some(""), Some("x"), Some(&*unsigned), Some(&*foreign), Some(&good[..good.len() - 4])]
        {
            client.use_token(token);
            // A patient's session is no token.
            for cookie in [None, Some(&*scene.cookie)] {
                let answer = ask(&mut client, method, &scene.path(template), cookie).await;
                assert_eq!(answer.status, 401, "{method} {template} with the token {token:?}");
                assert_eq!(answer.headers["www-authenticate"], "Bearer");
                assert!(!tells(&answer), "{}", answer.text());
            }
        }
    }
    assert_eq!(scene.server.metric("sidep_store_results_total").await, 3.0);
}

#[tokio::test]
async fn the_pages_of_the_portal_need_its_session_and_take_nothing_for_it() {
    let scene = Scene::new().await;
    let mut client = scene.server.client().await;
    let good = scene.server.signed_in(OWNER).await.token().unwrap().to_owned();
    let foreign = InProcess::start("").await.signed_in(OWNER).await.token().unwrap().to_owned();
    for (method, template, needs) in ROUTES {
        if *needs != Needs::Portal {
            continue;
        }
        // The owner's token is good for programs only; a patient's session, or the token of another server, for nothing here.
        client.use_token(Some(&good));
        for cookie in ["", &scene.cookie, "pro=", "pro=a.b.c", &format!("pro={foreign}")] {
            let answer = ask(&mut client, method, &scene.path(template), Some(cookie)).await;
            assert_eq!(answer.status, 401, "{method} {template} with '{cookie}'");
            assert!(!tells(&answer), "{}", answer.text());
        }
    }
    assert_eq!(scene.server.metric("sidep_store_results_total").await, 3.0);
}

#[tokio::test]
async fn a_token_with_every_other_scope_does_not_help() {
    let scene = Scene::new().await;
    let mut client = scene.server.client().await;
    for (method, template, needs) in ROUTES {
        let (Needs::Scope(scope) | Needs::Owner(scope)) = needs else { continue };
        let account = if *scope == "statistics:read" { OWNER } else { "stat-1" };
        let secret = reference_server::accounts::secret(OWNER);
        let narrow = SCOPES.into_iter().filter(|other| other != scope && *other != "statistics:read");
        let narrow = narrow.collect::<Vec<_>>().join(" ");
        let signed = client.sign_in(OWNER, &secret, Some(&narrow)).await.expect(200).json();
        let narrow = signed["access_token"].as_str().unwrap().to_owned();
        let wrong_kind = scene.server.signed_in(account).await.token().unwrap().to_owned();
        for token in [narrow, wrong_kind] {
            client.use_token(Some(&token));
            let answer = ask(&mut client, method, &scene.path(template), None).await;
            assert_eq!(answer.status, 403, "{method} {template}: {}", answer.text());
            assert!(!tells(&answer));
        }
        client.use_token(None);
    }
    // An account gets no scope that is not for its kind.
    for (account, scope) in
        [(OWNER, "statistics:read"), ("sw-1", "statistics:read"), ("stat-1", "result:read")]
    {
        let secret = reference_server::accounts::secret(account);
        client.sign_in(account, &secret, Some(scope)).await.expect(400);
    }
}

#[tokio::test]
async fn another_accounts_good_token_shows_nothing_of_a_result() {
    let scene = Scene::new().await;
    for account in ["89900000002", "sw-1", "lab-1"] {
        let mut other = scene.server.signed_in(account).await;
        for (method, template, needs) in ROUTES {
            if *method == "post" {
                continue;
            }
            let answer = ask(&mut other, method, &scene.path(template), None).await;
            let document = *template == "/openapi.json";
            assert!(document || !tells(&answer), "{method} {template} told {account} {}", answer.text());
            if let Needs::Owner(_) = needs {
                assert_eq!(answer.status, 404, "{method} {template}");
            }
        }
    }
}

#[tokio::test]
async fn a_link_without_its_birth_date_and_a_guessed_one_show_nothing() {
    let scene = Scene::new().await;
    let mut client = scene.server.client().await;
    let foreign = session(&scene.server, &synthetic::link(1)).await;
    let guessed = format!("61d5db80{}", "a".repeat(32));
    let tampered = scene.cookie.replace("session=A", "session=B");
    assert_ne!(tampered, scene.cookie);
    for (method, template, needs) in ROUTES {
        if !template.contains("{link}") {
            continue;
        }
        for link in [&scene.link, &guessed] {
            for cookie in [None, Some(&*foreign), Some(&*tampered), Some("session="), Some("session=AAAA")] {
                if *method == "post" && cookie.is_some() {
                    continue;
                }
                let answer = ask(&mut client, method, &template.replace("{link}", link), cookie).await;
                let expected = if *needs == Needs::Nothing { StatusCode::OK } else { StatusCode::FORBIDDEN };
                assert_eq!(answer.status, expected, "{method} {template} with {cookie:?}");
                assert!(!tells(&answer), "{}", answer.text());
            }
        }
        // Its own session opens it, and only it.
        if *needs == Needs::Session {
            ask(&mut client, method, &scene.path(template), Some(&scene.cookie)).await.expect(200);
            ask(&mut client, method, &template.replace("{link}", &guessed), Some(&scene.cookie))
                .await
                .expect(403);
        }
    }
}

#[tokio::test]
async fn what_needs_nothing_tells_nothing_about_anybody() {
    let scene = Scene::new().await;
    let mut client = scene.server.client().await;
    for (method, template, needs) in ROUTES {
        if let Needs::Nothing | Needs::Receipt = needs {
            let answer = ask(&mut client, method, &scene.path(template), None).await;
            assert!(!answer.status.is_server_error(), "{method} {template}: {}", answer.text());
            // The document of the interface has invented examples.
            assert!(
                *template == "/openapi.json" || !tells(&answer),
                "{method} {template}: {}",
                answer.text()
            );
        }
    }
    for guess in ["0".repeat(32), format!("{}{}", scene.id, "0".repeat(16))] {
        client.get(&format!("/v1/receipts/{guess}")).await.expect(404);
    }
}
