//! Serves a request through a slot: waits its turn, does the work, holds the slot as long as the model says.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use axum::response::{IntoResponse, Response};
use tokio::task::JoinHandle;

use crate::app::App;
use crate::class::Class;
use crate::config::Abandoned;
use crate::refusal::Refusal;

/// Does `work` in a slot of this class, or refuses at once when there is neither a slot nor a waiting place.
///
/// The slot is held for max(hold, work with its commit), and the answer leaves when it is given back. The work is a task
/// of its own, since the server drops a handler whose client has left: with `abandoned = "serve"` the task goes on
/// alone, in the queue and in the slot; with "drop" it ends with the handler.
pub(crate) async fn in_slot(
    app: &Arc<App>,
    class: Class,
    work: impl Future<Output = Response> + Send + 'static,
) -> Response {
    let Ok(place) = app.slots_of(class).enter() else {
        app.metrics.refused(class);
        return Refusal::Busy(app.config.slots.retry_after).into_response();
    };
    let arrived = Instant::now();
    let served_by = Arc::clone(app);
    let task = tokio::spawn(async move {
        let app = served_by;
        let slot = place.turn().await;
        let started = Instant::now();
        let hold = app.holds.draw(class) + app.faults.longer(class);
        let response = work.await;
        if started.elapsed() < hold {
            app.timer.until(started + hold).await;
        }
        drop(slot);
        app.metrics.served(class, response.status(), started - arrived, started.elapsed(), hold);
        response
    });
    let mut task = Served { task, ends_with_handler: app.config.slots.abandoned == Abandoned::Drop };
    match (&mut task.task).await {
        Ok(response) => response,
        Err(_) => Refusal::Broken.into_response(),
    }
}

/// The task of a request, and whether it ends when nobody waits for it any more.
struct Served {
    task: JoinHandle<Response>,
    ends_with_handler: bool,
}

impl Drop for Served {
    fn drop(&mut self) {
        if self.ends_with_handler {
            // Everything that the task holds comes back as it is dropped. One that has ended is not harmed.
            self.task.abort();
        }
    }
}
