//! Many connections at once that do little: idle ones, and readers that do not read.

use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};

use crate::client::Client;
use crate::server::{Process, command};

/// The value of a metric of a server.
async fn metric(client: &mut Client, name: &str) -> f64 {
    let page = client.get("/metrics").await.expect(200).text();
    let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no metric {name} in\n{page}")).parse().unwrap()
}

async fn memory(client: &mut Client) -> f64 {
    metric(client, "process_resident_memory_bytes").await / 1e6
}

#[tokio::test]
async fn ten_thousand_idle_connections_hold_nobody_up() {
    const IDLE: u32 = 10_000;
    let mut limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX);
    assert!(most > u64::from(IDLE) + 100, "this machine gives a process {most} files; the test needs {IDLE}");
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(command(folder.path()));
    let mut client = Client::signed_in(server.address, "sw-1").await;
    let before = memory(&mut client).await;
    let mut idle = Vec::new();
    for number in 0..IDLE {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        // A third has said nothing, a third half a head, a third has had an answer.
        match number % 3 {
            0 => {}
            1 => stream.write_all(b"GET /healthz HTTP/1.1\r\nHost:").await.unwrap(),
            _ => stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap(),
        }
        idle.push(stream);
    }
    while metric(&mut client, "sidep_connections_open").await < f64::from(IDLE) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for number in 0..200 {
        client.enter(number).await;
        client.get("/healthz").await.expect(200);
    }
    let grown = memory(&mut client).await - before;
    println!(
        "{IDLE} idle connections take {grown:.0} MB of the server, {:.1} kB each",
        grown * 1e3 / f64::from(IDLE)
    );
    assert!(grown < 300.0, "{grown:.0} MB");
    drop(idle);
    while metric(&mut client, "sidep_connections_open").await > 10.0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn readers_that_do_not_read_hold_nobody_up() {
    const READERS: usize = 200;
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(command(folder.path()));
    let mut client = Client::signed_in(server.address, "sw-1").await;
    let before = memory(&mut client).await;
    let mut readers = Vec::new();
    // Each asks for 8 MB and reads none of it.
    let requests = "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n".repeat(200);
    for _ in 0..READERS {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        let mut stream = socket.connect(server.address).await.unwrap();
        stream.write_all(requests.as_bytes()).await.unwrap();
        readers.push(stream);
    }
    for number in 0..200 {
        client.enter(number).await;
        client.get("/openapi.json").await.expect(200);
    }
    assert_eq!(metric(&mut client, "sidep_slots_busy{pool=\"main\"}").await, 0.0);
    let grown = memory(&mut client).await - before;
    println!("{READERS} readers that do not read take {grown:.0} MB of the server");
    assert!(grown < 300.0, "{grown:.0} MB");
}
