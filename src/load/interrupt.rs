//! Ctrl-C: the first press ends the run in order, the second leaves at once.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Exit code of a run that was interrupted.
pub(super) const INTERRUPTED: i32 = 130;

static PRESSED: AtomicUsize = AtomicUsize::new(0);
static WAKE: Notify = Notify::const_new();

/// Takes over Ctrl-C for the whole process. A second call changes nothing.
///
/// To be called before goose starts: its own handler would end the process with code 1 at the second press, and it
/// leaves the signal alone when one is installed already. On the second press the process ends with 130; a server
/// that it started notices that its standard input has closed and ends too.
///
/// # Errors
/// The system refuses the handler.
pub fn install() -> Result<(), ctrlc::Error> {
    let handler = || {
        if PRESSED.fetch_add(1, Ordering::SeqCst) > 0 {
            std::process::exit(INTERRUPTED);
        }
        WAKE.notify_waiters();
    };
    match ctrlc::set_handler(handler) {
        Ok(()) | Err(ctrlc::Error::MultipleHandlers) => Ok(()),
        Err(error) => Err(error),
    }
}

/// What the first press does, without one: somebody else was pressed.
pub(super) fn press() {
    PRESSED.fetch_add(1, Ordering::SeqCst);
    WAKE.notify_waiters();
}

/// True from the first press on.
pub fn pressed() -> bool {
    PRESSED.load(Ordering::SeqCst) > 0
}

/// Returns at the first press, at once when it was pressed before.
pub(super) async fn wait() {
    loop {
        let wake = WAKE.notified();
        if pressed() {
            return;
        }
        wake.await;
    }
}
