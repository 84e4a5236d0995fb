//! Input that is malformed, cut off, too large, too deep or meant to hurt: refused, with no failure of the server.

use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::InProcess;
use crate::synthetic;

/// Sends bytes as they are and reads until the server closes the connection, or has said nothing for a while.
async fn exchange(server: &InProcess, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    // A server may be done with a connection before everything was sent.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_millis(400), stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// The status codes of the answers in what was read.
fn statuses(answer: &str) -> Vec<u16> {
    answer.split("HTTP/1.1 ").skip(1).map(|answer| answer[..3].parse().unwrap()).collect()
}

/// Every route: method and path.
async fn routes(server: &InProcess) -> Vec<(Method, String)> {
    let document = server.client().await.get("/openapi.json").await.expect(200).json();
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            routes.push((method.to_uppercase().parse().unwrap(), path.clone()));
        }
    }
    assert!(routes.len() > 20);
    routes
}

/// Bodies that no route understands, and some that one might.
fn bodies() -> Vec<Vec<u8>> {
    let entry = synthetic::entry(1).to_string();
    let huge = entry.replace("\"1232\"", &format!("1{}", "0".repeat(400)));
    let exponent = entry.replace("\"1232\"", "1e999999999");
    let mut utf8 = entry.clone().into_bytes();
    utf8[30] = 0xff;
    vec![
        Vec::new(),
        b"\0".to_vec(),
        entry.as_bytes()[..entry.len() / 2].to_vec(),
        huge.into_bytes(),
        exponent.into_bytes(),
        utf8,
        "[".repeat(100_000).into_bytes(),
        "{\"a\":".repeat(50_000).into_bytes(),
        format!("{{\"entries\":[{}]}}", "{},".repeat(999) + "{}").into_bytes(),
        format!("{{\"ref\":\"{}\"}}", "\\u0000".repeat(1_000)).into_bytes(),
        format!("{{\"ref\":1{}}}", ",\"ref\":1".repeat(10_000)).into_bytes(),
        b"{\"patient\":{\"family_name\":\"\\ud800\"}}".to_vec(),
        format!("birth_date={}", "%".repeat(10_000)).into_bytes(),
        format!("birth_date={}", "9".repeat(100_000)).into_bytes(),
        "a=b&".repeat(50_000).into_bytes(),
        format!("MSH|^~\\&|{}\rOBX|1\r", "|".repeat(50_000)).into_bytes(),
        b"MSH|^~\\&|A|B|C|D|99999999999999||ORU^R01^ORU_R01|1|T|2.5.1\r\xff\xfe\r".to_vec(),
        format!(
            "{{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":{}",
            "[{\"resource\":".repeat(5_000)
        )
        .into_bytes(),
    ]
}

#[tokio::test]
async fn no_body_makes_any_route_fail() {
    let server = InProcess::start("").await;
    let mut client = server.signed_in("sw-1").await;
    let token = client.token().unwrap().to_owned();
    // For the portal's pages, which take nothing else.
    let session = format!("pro={token}");
    let types = [
        "application/json",
        "application/x-www-form-urlencoded",
        "application/hl7-v2",
        "application/fhir+json",
        "text/html",
        "",
        "application/json; charset=x",
    ];
    for (method, path) in routes(&server).await {
        let types = if method == Method::POST { &types[..] } else { &types[..1] };
        for body in bodies() {
            for media_type in types {
                let headers = [("content-type", *media_type), ("cookie", &*session)];
                let sent = client.send(method.clone(), &path, &headers, Bytes::from(body.clone())).await;
                let Ok(answer) = sent else {
                    // It was refused before all of it was sent, and the connection closed.
                    client = server.client().await;
                    client.use_token(Some(&token));
                    continue;
                };
                let start = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
                let of = format!("{method} {path} {media_type} {start}");
                assert!(!answer.status.is_server_error(), "{of}: {}", answer.text());
                assert!(answer.body.len() < 2_000_000, "{of}: {} bytes", answer.body.len());
            }
        }
    }
    assert_eq!(server.metric("sidep_answers_total{status=\"5xx\"}").await, 0.0);
    assert_eq!(server.metric("sidep_store_results_total").await, 0.0);
    server.signed_in("sw-1").await.enter(1).await;
}

#[tokio::test]
async fn no_path_makes_any_route_fail_or_leads_out() {
    let server = InProcess::start("").await;
    let pieces = [
        "..",
        "%2e%2e",
        "..%2f..%2f..%2fetc%2fpasswd",
        "%00",
        "%ff%fe",
        "%",
        "%zz",
        "%0d%0aSet-Cookie:%20a=b",
        "'%20OR%201=1--",
        "%3Cscript%3Ealert(1)%3C/script%3E",
        "-1",
        "99999999999999999999999999",
        "\u{e9}",
        "a b",
        "0000000000000000",
        "ffffffffffffffff",
        "x?name=%ff&name=",
        "x?day=%00&after=%00",
    ];
    let long = "a".repeat(20_000);
    for (method, path) in routes(&server).await {
        for piece in pieces.iter().copied().chain([long.as_str()]) {
            let path = match path.split_once('{') {
                Some((before, rest)) => format!("{before}{piece}{}", rest.split_once('}').unwrap().1),
                None => format!("{path}/{piece}"),
            };
            let request = format!(
                "{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
            let answer = exchange(&server, request.as_bytes()).await;
            let statuses = statuses(&answer);
            assert!(
                statuses.iter().all(|status| *status < 500) && statuses.len() <= 1,
                "{method} {path}: {answer}"
            );
            let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
            assert!(!head.contains("a=b"), "{path} wrote a header: {head}");
            assert!(!body.contains("<script>") && !body.contains("root:"), "{path}: {body}");
        }
    }
    assert_eq!(server.metric("sidep_answers_total{status=\"5xx\"}").await, 0.0);
}

#[tokio::test]
async fn heads_that_are_too_much_are_refused() {
    let server = InProcess::start("").await;
    let many = "X-A: 1\r\n".repeat(10_000);
    let large = format!("X-A: {}\r\n", "a".repeat(1_000_000));
    let cookies = format!("Cookie: {}\r\n", "session=AAAA; ".repeat(20_000));
    for head in [&many, &large, &cookies, "X-A: a\0b\r\n", "X A: b\r\n", ": b\r\n", "X-A: b\n b\r\n"] {
        let answer =
            exchange(&server, format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{head}\r\n").as_bytes()).await;
        // Refused, or closed without a word.
        assert!(statuses(&answer).iter().all(|status| (400..500).contains(status)), "{answer}");
    }
    // Two tokens are none; two cookies are fine.
    let two =
        "GET /pro/entry HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n";
    assert_eq!(statuses(&exchange(&server, two.as_bytes()).await), [401]);
    server.client().await.get("/healthz").await.expect(200);
}

/// A request whose end two servers could see at different places is no way to slip in another one.
#[tokio::test]
async fn a_request_with_two_ends_is_not_answered_twice() {
    let server = InProcess::start("").await;
    let inner = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let form = "POST /p/x HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    let length = inner.len() + 5;
    for head in [
        format!("{form}Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}"),
        format!("{form}Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n\r\n0\r\n\r\n{inner}"),
        format!("{form}Content-Length: 0\r\nContent-Length: {length}\r\n\r\n{inner}"),
        format!("{form}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{inner}"),
        format!("{form}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{inner}"),
        format!("{form}Content-Length: +{length}\r\n\r\n{inner}"),
        format!("{form}Content-Length : {length}\r\n\r\n{inner}"),
        format!("{form}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{inner}"),
        format!("{form}Transfer-Encoding: chunked\r\n\r\n-1\r\n{inner}"),
    ] {
        let answer = exchange(&server, head.as_bytes()).await;
        let statuses = statuses(&answer);
        assert!(statuses.len() <= 1, "{head}\nwas answered\n{answer}");
        assert!(statuses.iter().all(|status| (400..500).contains(status)), "{head}\nwas answered\n{answer}");
    }
}

#[tokio::test]
async fn whoever_sends_slowly_is_sent_away_from_every_route() {
    let server = InProcess::start("[limits]\nheaders = \"80ms\"\nbody_time = \"80ms\"\nbody = \"2kB\"").await;
    let token = server.signed_in("sw-1").await.token().unwrap().to_owned();
    for (method, path) in routes(&server).await.into_iter().filter(|(method, _)| method == Method::POST) {
        let path = path.replace("{link}", "x").replace("{name}", "x");
        let form = ["/p/", "/oidc", "/pro/entry", "/pro/sign-out"].iter().any(|page| path.starts_with(page));
        let media_type = if form { "application/x-www-form-urlencoded" } else { "application/json" };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nCookie: pro={token}\r\n\
             Content-Type: {media_type}\r\n"
        );
        for (rest, expected) in [
            ("Content-Length: 100\r\n\r\n{", 408),
            ("Transfer-Encoding: chunked\r\n\r\n5\r\n{", 408),
            (&*format!("Content-Length: 9000\r\n\r\n{}", "a".repeat(9_000)), 413),
            (&*format!("Transfer-Encoding: chunked\r\n\r\n2328\r\n{}\r\n0\r\n\r\n", "a".repeat(9_000)), 413),
        ] {
            let answer = exchange(&server, format!("{head}{rest}").as_bytes()).await;
            if path.starts_with("/truth") {
                // It takes no body.
                continue;
            }
            assert_eq!(statuses(&answer).first(), Some(&expected), "{method} {path}: {answer}");
        }
        // A head that never ends.
        assert_eq!(exchange(&server, head.as_bytes()).await, "", "{path}");
    }
}
