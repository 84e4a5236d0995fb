//! When a server process is asked to stop: SIGTERM, SIGINT, or the end of its standard input.

use std::future::Future;
use std::io::{BufRead, Read};
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::faults::Faults;
use crate::serve::StartError;

/// No order is longer.
const LINE: u64 = 4_096;

/// Completes when the process is asked to stop. With `orders`, also at the end of standard input, whose lines are orders.
///
/// # Errors
/// When the system refuses a signal handler or a thread.
pub(crate) fn asked(orders: Option<Arc<Faults>>) -> Result<impl Future<Output = ()>, StartError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(StartError::Process)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(StartError::Process)?;
    let end = orders.map(end_of_stdin).transpose().map_err(StartError::Process)?;
    Ok(async move {
        let ended = async {
            match end {
                Some(end) => drop(end.await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = ended => {}
        }
    })
}

/// Completes at the end of standard input. A thread reads it, since it may be a file, a terminal or a pipe.
fn end_of_stdin(faults: Arc<Faults>) -> std::io::Result<oneshot::Receiver<()>> {
    let (ended, end) = oneshot::channel();
    std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        heed(std::io::stdin().lock(), &faults);
        // The server may have stopped already.
        let _ = ended.send(());
    })?;
    Ok(end)
}

/// Takes orders until the end or an error. A line that is none is passed over: whatever stands on standard input, its end
/// is what counts.
fn heed(mut input: impl BufRead, faults: &Faults) {
    let mut line = Vec::new();
    while input.by_ref().take(LINE).read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        faults.obey(&line);
        line.clear();
    }
}
