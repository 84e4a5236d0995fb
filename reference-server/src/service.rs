//! Serves a request through a slot: waits its turn, does the work, holds the slot as long as the model says; or refuses.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use tokio::runtime::Handle;

use crate::app::App;
use crate::caller::Caller;
use crate::class::Class;
use crate::config::Abandoned;
use crate::metrics::Cause;
use crate::refusal::Refusal;

/// Does `work` in a slot of this class, or refuses: at once when the caller sends too fast or there is neither a slot nor a
/// waiting place, later when the turn comes too late.
///
/// The slot is held for max(hold, work with its commit), and the answer leaves when it is given back. The server drops a
/// handler whose client has left: with `abandoned = "serve"` its work goes on as a task of its own, in the queue and in
/// the slot; with "drop" it ends with the handler.
///
/// Where there is a waiting room, a session begins when it lets the caller in: the answer carries its pass then.
pub(crate) async fn in_slot(
    app: &Arc<App>,
    class: Class,
    caller: Caller,
    work: impl Future<Output = Response> + Send + 'static,
) -> Response {
    admit(app, class, caller, Stay::Work, work).await
}

/// The same for work that only accepts: the class's own hold time, and its connection of the pool, are a worker's.
pub(crate) async fn accepting(
    app: &Arc<App>,
    class: Class,
    caller: Caller,
    work: impl Future<Output = Response> + Send + 'static,
) -> Response {
    admit(app, class, caller, Stay::Acceptance, work).await
}

/// For what a request holds its slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stay {
    /// All of its work.
    Work,
    /// That it is accepted.
    Acceptance,
}

async fn admit(
    app: &Arc<App>,
    class: Class,
    caller: Caller,
    stay: Stay,
    work: impl Future<Output = Response> + Send + 'static,
) -> Response {
    if caller.way.lane.as_ref().is_some_and(|lane| !serves(app, lane, class)) {
        return Refusal::WrongListener(class).into_response();
    }
    if let Err(wait) = app.buckets.take(class, caller.way.address, caller.account.as_deref()) {
        app.metrics.refused(class, Cause::Bucket);
        return Refusal::TooFast(wait).into_response();
    }
    let secure = app.public_url.starts_with("https://");
    let pass = match app.waiting_rooms.enter(class, &caller, &app.keys.secret, secure) {
        Ok(pass) => pass,
        Err(page) => {
            app.metrics.refused(class, Cause::WaitingRoom);
            return page;
        }
    };
    let mut response = served(app, class, stay, work).await;
    if let Some(pass) = pass {
        response.headers_mut().append(header::SET_COOKIE, pass);
    }
    response
}

/// Does the work in a slot, or refuses.
async fn served(
    app: &Arc<App>,
    class: Class,
    stay: Stay,
    work: impl Future<Output = Response> + Send + 'static,
) -> Response {
    let slots = app.lanes.of(class);
    let (retry_after, abandoned) = (slots.rules().retry_after, slots.rules().abandoned);
    let place = match slots.enter(class) {
        Ok(place) => place,
        Err(refused) => {
            app.metrics.refused(class, refused.into());
            return Refusal::Busy(retry_after).into_response();
        }
    };
    let arrived = Instant::now();
    let served_by = Arc::clone(app);
    let work = async move {
        let app = served_by;
        let slot = match place.turn().await {
            Ok(slot) => slot,
            Err(refused) => {
                app.metrics.refused(class, refused.into());
                return Refusal::Busy(retry_after).into_response();
            }
        };
        let started = Instant::now();
        let (holds, pool) = match (stay, &app.intake) {
            (Stay::Acceptance, Some(intake)) => (&intake.holds, None),
            _ => (&app.holds, app.pool.as_ref()),
        };
        let hold = holds.draw(class) + app.faults.longer(class);
        let response = match pool {
            Some(pool) => pool.with(class, &app.timer, work).await,
            None => work.await,
        };
        if started.elapsed() < hold {
            app.timer.until(started + hold).await;
        }
        slot.served();
        app.metrics.served(class, response.status(), started - arrived, started.elapsed(), hold);
        response
    };
    Served { work: Some(Box::pin(work)), goes_on: abandoned == Abandoned::Serve }.await
}

/// Whether the listener of this lane serves the class: its own ones and, so that there are tokens, sign-in.
fn serves(app: &App, lane: &str, class: Class) -> bool {
    class == Class::SignIn || app.config.lane.get(lane).is_some_and(|lane| lane.classes.contains(&class))
}

/// The work of a request, and whether it goes on when nobody waits for it any more.
///
/// It becomes a task only then: one for each request costs it a microsecond and another round of the runtime.
struct Served {
    /// `None` once it is done.
    work: Option<Work>,
    goes_on: bool,
}

type Work = Pin<Box<dyn Future<Output = Response> + Send>>;

impl Future for Served {
    type Output = Response;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Response> {
        let Some(work) = &mut self.work else { return Poll::Pending };
        // Work that panics breaks its own request, not the connection with all of its requests; it is not asked again.
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        let response = match polled {
            Ok(polled) => ready!(polled),
            Err(_) => Refusal::Broken.into_response(),
        };
        self.work = None;
        Poll::Ready(response)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(work) = self.work.take().filter(|_| self.goes_on)
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(work);
        }
        // Otherwise everything that it holds comes back now.
    }
}
