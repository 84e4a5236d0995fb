//! The page of a waiting room: static but for the place and the time, made without a slot and without the store.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use crate::language::Language;
use crate::pages::Page;

/// The page for somebody at this place, for about so long; `None`: every place is taken. It comes back by itself after
/// `poll`, and tells programs so too.
pub(super) fn waiting(
    language: Language,
    place: Option<(usize, Duration)>,
    poll: Duration,
    cookie: Option<HeaderValue>,
) -> Response {
    let title = language.choose("Beaucoup de monde en ce moment", "We are very busy");
    let body = html! {
        h1 { (title) }
        @match place {
            Some((place, left)) => (stands(language, place, left)),
            None => {
                p.lead {
                    (language.choose(
                        "La salle d’attente est pleine. Réessayez un peu plus tard.",
                        "The waiting room is full. Please try again a little later.",
                    ))
                }
            }
        }
    };
    let mut response = Page::new(language, title, body).into_response();
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let seconds = HeaderValue::from(poll.as_secs() + u64::from(poll.subsec_nanos() > 0));
    let headers = response.headers_mut();
    // As a header it works as it does in the page. Nobody can be given more time: the place is void when nobody asks again
    // (WCAG 2.2.1, the exception for what happens in real time).
    headers.insert(header::REFRESH, seconds.clone());
    headers.insert(header::RETRY_AFTER, seconds);
    if let Some(cookie) = cookie {
        headers.append(header::SET_COOKIE, cookie);
    }
    response
}

fn stands(language: Language, place: usize, left: Duration) -> Markup {
    let minutes = left.as_secs().div_ceil(60).max(1);
    html! {
        div.outcome {
            span { (language.choose("Votre place dans la file", "Your place in the queue")) }
            strong { (place) }
        }
        p.lead { (language.choose("Attente estimée : ", "Estimated wait: ")) (minutes) " min." }
        p {
            (language.choose(
                "Gardez cette page ouverte : elle se met à jour toute seule, et votre place est gardée.",
                "Keep this page open: it refreshes itself, and your place is kept.",
            ))
        }
    }
}
