//! The consent of a target over TLS: asked for under its name, and only from who shows a certificate for it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::routing::get;
use axum::{Json, Router};
use peakday::load::{self, Refused, System, Target};
use peakday::record;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::load_run::{counts, population, request, step};

const TOKEN: &str = "a secret of this test";
const NAME: &str = "sidep.test";

/// A listener that speaks TLS; who does not is not heard.
struct Secured(TcpListener, TlsAcceptor);

impl axum::serve::Listener for Secured {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, address)) = self.0.accept().await else { continue };
            if let Ok(stream) = self.1.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

/// A server at 127.0.0.2 with a certificate for this name: its address, the certificate, how often its consent and its
/// page were asked for.
struct Elsewhere {
    address: SocketAddr,
    certificate: String,
    asked: Arc<AtomicUsize>,
    served: Arc<AtomicUsize>,
}

fn elsewhere(name: &str, allows: impl Fn(usize) -> bool + Clone + Send + Sync + 'static) -> Elsewhere {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let [asked, served] = [(); 2].map(|()| Arc::<AtomicUsize>::default());
    let (count, served_count) = (Arc::clone(&asked), Arc::clone(&served));
    let consent = move || {
        let allow = allows(count.fetch_add(1, Ordering::SeqCst));
        let (until, hash) = ("2999-01-01T00:00:00Z", record::digest(TOKEN));
        std::future::ready(Json(
            json!({ "allow": allow, "max_rate_per_s": 500, "until": until, "token_sha256": hash }),
        ))
    };
    let page = move || {
        served_count.fetch_add(1, Ordering::SeqCst);
        std::future::ready("hello")
    };
    let router = Router::new().route("/.well-known/peakday.json", get(consent)).route("/", get(page));
    let listener = std::net::TcpListener::bind("127.0.0.2:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            listener.set_nonblocking(true).unwrap();
            let listener = TcpListener::from_std(listener).unwrap();
            axum::serve(Secured(listener, TlsAcceptor::from(Arc::new(config))), router).await.unwrap();
        });
    });
    Elsewhere { address, certificate: made.cert.pem(), asked, served }
}

fn consenting(server: &Elsewhere, ca: Option<&str>) -> Result<Target, Refused> {
    let address = server.address;
    let look_up = move |host: &str, port: u16| {
        assert_eq!((host, port), (NAME, address.port()));
        Ok(vec![address])
    };
    Target::consenting(&format!("https://{NAME}:{}", address.port()), TOKEN, ca, &look_up)
}

#[test]
fn a_target_is_asked_over_tls_and_loaded_until_it_withdraws_its_consent() {
    let server = elsewhere(NAME, |question| question < 2);
    let target = consenting(&server, Some(&server.certificate)).unwrap_or_else(|error| panic!("{error}"));
    let target = target.asked_every(Duration::from_millis(900), Duration::from_secs(60));
    let dir = tempfile::tempdir().unwrap();
    let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
    let mut request = request(vec![population("visitor", 50.0, vec![step("home", "/")])], nobody, dir.path());
    request.systems = vec![System::Running { name: "target".to_owned(), target }];
    let mut scenario = (*request.scenario).clone();
    scenario.ca = Some(server.certificate.clone());
    scenario.run.to = "12:01".parse().unwrap();
    request.timeline = scenario.run.timeline();
    request.scenario = Arc::new(scenario);
    let outcome = load::run(&request).unwrap();
    assert!(outcome.refused, "a minute was planned");
    assert_eq!(server.asked.load(Ordering::SeqCst), 3);
    let [offered, _, ok, _, failed, ..] = counts(dir.path(), 0, 0);
    assert!(ok > 10 && failed == 0 && offered < 2_000, "{offered} {ok} {failed}");
    assert!(server.served.load(Ordering::SeqCst) >= ok as usize);
}

#[test]
fn a_certificate_that_is_not_trusted_or_for_another_name_is_no_consent_and_hears_no_question() {
    let stranger = elsewhere(NAME, |_| true);
    let other_name = elsewhere("other.test", |_| true);
    for (server, ca) in [
        (&stranger, None),
        (&stranger, Some(other_name.certificate.as_str())),
        (&other_name, Some(other_name.certificate.as_str())),
    ] {
        let error = consenting(server, ca).unwrap_err();
        assert!(matches!(&error, Refused::NoConsent { .. }), "{error}");
        assert!(error.to_string().contains("certificate"), "{error}");
        assert_eq!(server.asked.load(Ordering::SeqCst), 0, "the question is not even asked");
    }
    let error = consenting(&stranger, Some("no PEM")).unwrap_err();
    assert!(matches!(&error, Refused::Unusable { .. }) && error.to_string().contains("PEM"), "{error}");
}
