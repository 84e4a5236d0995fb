//! Both protocols, with and without TLS, against the reference server over loopback.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use reference_server::config::Config;
use reference_server::serve::{Options, Server};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::bench::{play, population, scenario, step, timeline};
use crate::load::guard::Target;
use crate::load::lane::exchange;
use crate::load::opener::{Dial, Opener, Places};
use crate::load::render::Rendered;
use crate::load::tls::Trust;
use crate::scenario::{Accounts, Connection, Http, Law, Network, Outcome, Population, Template};
use crate::units::Span;

/// A reference server in this process.
struct Running {
    target: Target,
    dial: Dial,
    _stop: oneshot::Sender<()>,
    _folder: TempDir,
}

async fn running(config: &str) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        config: Config::parse(config).unwrap(),
        listen: "127.0.0.1:0".parse().unwrap(),
        data: folder.path().join("data"),
        gateway: None,
        keys: None,
        database_url: None,
        preload: None,
        public_url: None,
        until_stdin_closes: false,
        faults: Arc::default(),
    };
    let certificate = options.data.join("tls.pem");
    let tls = options.config.tls.is_some();
    let server = Server::start(options).await.unwrap();
    let scheme = if tls { "https" } else { "http" };
    let target = Target::parse(&format!("{scheme}://{}", server.address())).unwrap();
    let trust = match tls {
        true => Trust::These(std::fs::read_to_string(certificate).unwrap()),
        false => Trust::System,
    };
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(server.serve(async {
        let _ = stopped.await;
    }));
    Running { dial: Dial::to(&target, trust), target, _stop: stop, _folder: folder }
}

impl Running {
    fn opener(&self, connection: Connection, network: Network, places: &Places) -> Opener {
        let population = Population { connection, network, ..population(1.0, 1) };
        Opener::new(self.dial.clone(), places.clone(), &population).unwrap()
    }

    fn health(&self) -> Rendered {
        Rendered::new("GET", &self.target, "/healthz", "x-test: 1\r\n", b"").unwrap()
    }
}

fn networks() -> [Network; 2] {
    [Http::One, Http::Two].map(|http| Network { http, ..Network::default() })
}

#[tokio::test]
async fn a_pool_of_two_carries_many_requests_at_once_whatever_is_spoken() {
    for config in ["", "[tls]"] {
        let running = running(config).await;
        for network in networks() {
            let places = Places::within(None);
            let opener = running.opener(Connection::PoolOf(2), network.clone(), &places);
            let health = running.health();
            let asked = (0..30).map(|_| exchange(&opener, &running.target, 0, None, &health));
            for answer in join_all(asked).await {
                let (answered, connection) = answer.unwrap();
                assert_eq!((answered.status, &answered.body[..]), (200, &b"ok\n"[..]));
                assert!(answered.headers.get("content-type").is_some());
                assert!(connection.is_none(), "the pool has it back");
            }
            assert_eq!(places.opened(), 2, "{config} {network:?}");
            assert_eq!(places.handshakes().0, if config.is_empty() { 0 } else { 2 });
        }
    }
}

#[tokio::test]
async fn every_kind_of_connection_is_played_over_every_protocol() {
    let mut plays = Vec::new();
    let mut servers = Vec::new();
    for config in ["", "[tls]"] {
        let running = running(config).await;
        for network in networks() {
            let of = |name: &str, connection| {
                let mut health = step("health");
                health.request.path = Template::parse("/healthz").unwrap();
                let accounts = Accounts { kind: "person".to_owned(), count: 3 };
                Population {
                    name: name.to_owned(),
                    connection,
                    network: network.clone(),
                    accounts: Some(accounts),
                    think: Law::Constant(Span::from_millis(10)),
                    steps: vec![health.clone(), health],
                    ..population(60.0, 8)
                }
            };
            let populations = vec![
                of("new", Connection::New),
                of("kept", Connection::Kept),
                of("pool", Connection::Pool),
                of("shared", Connection::PoolOf(2)),
            ];
            let measured = timeline(Span::ZERO, Span::from_millis(400));
            plays.push(play(scenario(populations), measured, running.dial.clone()));
        }
        servers.push(running);
    }
    for played in join_all(plays).await {
        for population in 0..4 {
            let samples = played.samples();
            let of: Vec<_> = samples.iter().filter(|sample| sample.population == population).collect();
            assert!(of.len() > 10, "{} requests of {population}", of.len());
            assert!(of.iter().all(|sample| sample.outcome == Outcome::Ok), "{population}: {of:?}");
        }
    }
}

#[tokio::test]
async fn sessions_are_resumed_where_both_sides_want_it() {
    for (config, resumption, expected) in
        [("[tls]", true, (1, 4)), ("[tls]", false, (5, 0)), ("[tls]\nresumption = false", true, (5, 0))]
    {
        let running = running(config).await;
        let places = Places::within(None);
        let network = Network { resumption, ..Network::default() };
        let opener = running.opener(Connection::New, network, &places);
        for _ in 0..5 {
            exchange(&opener, &running.target, 0, None, &running.health()).await.unwrap();
        }
        assert_eq!(places.handshakes(), expected, "{config}, {resumption}");
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_refused() {
    let (one, other) = (running("[tls]").await, running("[tls]").await);
    let Dial::Tls { addresses, host, .. } = one.dial.clone() else { panic!("TLS") };
    let Dial::Tls { trust, .. } = other.dial.clone() else { panic!("TLS") };
    let dial = Dial::Tls { addresses: addresses.clone(), host: host.clone(), trust };
    let fault = Opener::plain(dial).unwrap().open(0).await.unwrap_err();
    assert!(fault.name().contains("certificate"), "{}", fault.name());
    let nothing = Dial::Tls { addresses, host, trust: Trust::These("no PEM".to_owned()) };
    assert!(Opener::plain(nothing).unwrap_err().contains("no certificate"));
}

#[tokio::test]
async fn only_so_many_connections_are_opened_at_once_when_the_server_does_not_go_on() {
    let certificate = running("[tls]").await;
    let Dial::Tls { host, trust, .. } = certificate.dial.clone() else { panic!("TLS") };
    // It takes connections and says nothing: every handshake hangs.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dial = Dial::Tls { addresses: vec![silent.local_addr().unwrap()], host, trust };
    let network = Network { opening: 2, ..Network::default() };
    let population = Population { network, ..population(1.0, 1) };
    let places = Places::within(None);
    let opener = Arc::new(Opener::new(dial, places.clone(), &population).unwrap());
    let patience = Duration::from_millis(100);
    // All of them lose patience at one instant, so that nobody gets the turn of another.
    let opening = join_all((0..20).map(|_| opener.open(0)));
    assert!(tokio::time::timeout(patience, opening).await.is_err());
    assert_eq!((places.opened(), places.waited()), (0, 18));
    let mut taken = 0;
    while let Ok(Ok(_)) = tokio::time::timeout(Duration::from_millis(20), silent.accept()).await {
        taken += 1;
    }
    assert_eq!(taken, 2, "connections that the server saw");
}
