//! Asks a target again and again, while it is loaded, whether it still consents.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use chrono::Utc;

use super::consent::{Consent, Reply};
use super::guard::Target;

/// The running vigil. Dropping it ends it, though not a question that is under way.
#[derive(Debug)]
pub(super) struct Vigil {
    /// Nothing is sent: when it is dropped, the thread sees that nobody wants to know any more.
    _stop: Sender<()>,
}

impl Vigil {
    /// Starts to ask, on a thread of its own; `None` where no consent is needed. When it is withdrawn, `ends` is told why.
    ///
    /// # Errors
    /// The system starts no thread.
    pub(super) fn start(target: &Target, ends: Arc<OnceLock<String>>) -> std::io::Result<Option<Self>> {
        let Some(consent) = target.consent() else { return Ok(None) };
        let (target, consent) = (target.clone(), Arc::clone(consent));
        let (stop, stopped) = channel();
        std::thread::Builder::new().name("consent".to_owned()).spawn(move || {
            let mut heard = Instant::now();
            // The first answer of the vigil says until when.
            let mut pause = consent.every.min(Duration::from_secs(1));
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                let over = match target.ask(&consent.token, consent.tls.as_ref()) {
                    Reply::Granted(terms) => {
                        heard = Instant::now();
                        consent.ceiling.set(terms.max_rate_per_s);
                        let left = (terms.until - Utc::now()).to_std().unwrap_or_default();
                        pause = consent.every.min(left + Duration::from_millis(10));
                        continue;
                    }
                    Reply::Refused(why) => why,
                    Reply::Silent(why) if heard.elapsed() >= consent.silence => {
                        format!("no answer for {} s: {why}", consent.silence.as_secs_f64())
                    }
                    Reply::Silent(_) => {
                        pause = consent.every.min(Duration::from_secs(10));
                        continue;
                    }
                };
                withdraw(&consent, &ends, &over);
                return;
            }
        })?;
        Ok(Some(Self { _stop: stop }))
    }
}

fn withdraw(consent: &Consent, ends: &OnceLock<String>, why: &str) {
    let why = format!("the target no longer consents: {why}");
    // What was said first stands.
    let _ = consent.withdrawn.set(why.clone());
    let _ = ends.set(why);
}
