//! Connections: how many, how slow, and what is on them.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::InProcess;

/// Sends bytes as they are and reads until the server closes the connection.
async fn exchange(server: &InProcess, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // A server may also reset a connection that it is done with.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_client_that_does_not_go_on_is_sent_away() {
    let server = InProcess::start("[limits]\nheaders = \"50ms\"\nbody_time = \"50ms\"").await;
    assert_eq!(exchange(&server, b"").await, "");
    assert_eq!(exchange(&server, b"GET /healthz HTT").await, "");
    // One that is idle after its answer is closed too.
    let answer = exchange(&server, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.ends_with("ok\n"), "{answer}");
    let form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nbirth";
    let answer = exchange(&server, format!("POST /p/x HTTP/1.1\r\nHost: x\r\n{form}").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn what_is_not_http_does_not_hurt() {
    let server = InProcess::start("[limits]\nheaders = \"100ms\"").await;
    for bytes in
        [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"\r\n\r\n\r\nGET\r\n\r\n", &[b'a'; 100_000]]
    {
        exchange(&server, bytes).await;
    }
    server.client().await.get("/healthz").await.expect(200);
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_until_one_closes() {
    let server = InProcess::start("[limits]\nconnections = 2").await;
    let (mut first, mut second) = (server.client().await, server.client().await);
    first.get("/healthz").await.expect(200);
    second.get("/healthz").await.expect(200);
    let mut third = server.client().await;
    let mut answer = Box::pin(third.get("/healthz"));
    assert!(tokio::time::timeout(std::time::Duration::from_millis(50), &mut answer).await.is_err());
    drop(first);
    answer.await.expect(200);
    assert_eq!(
        second
            .get("/metrics")
            .await
            .text()
            .lines()
            .filter(|line| *line == "sidep_connections_open 2")
            .count(),
        1
    );
}
