//! When a server process is asked to stop: SIGTERM, SIGINT, or the end of its standard input.

use std::future::Future;
use std::io::Read;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::serve::StartError;

/// Completes when the process is asked to stop.
///
/// # Errors
/// When the system refuses a signal handler or a thread.
pub(crate) fn asked(stdin_too: bool) -> Result<impl Future<Output = ()>, StartError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(StartError::Process)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(StartError::Process)?;
    let end = if stdin_too { Some(end_of_stdin().map_err(StartError::Process)?) } else { None };
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
fn end_of_stdin() -> std::io::Result<oneshot::Receiver<()>> {
    let (ended, end) = oneshot::channel();
    std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        wait_for_end(std::io::stdin().lock());
        // The server may have stopped already.
        let _ = ended.send(());
    })?;
    Ok(end)
}

/// Reads until the end or an error; what is read does not matter.
fn wait_for_end(mut input: impl Read) {
    let mut buffer = [0; 4_096];
    loop {
        match input.read(&mut buffer) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}
