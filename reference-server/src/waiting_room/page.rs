//! The page of a waiting room: static but for the place and the time, made without a slot and without the store.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use crate::pages;

/// The page for somebody at this place, for about so long; `None`: every place is taken. It comes back by itself after
/// `poll`, and tells programs so too.
pub(super) fn waiting(
    place: Option<(usize, Duration)>,
    poll: Duration,
    cookie: Option<HeaderValue>,
) -> Response {
    let (french, english) = match place {
        Some((place, left)) => {
            let minutes = left.as_secs().div_ceil(60).max(1);
            (
                format!("Vous êtes en position <strong>{place}</strong>. Attente estimée : {minutes} min."),
                format!("You are number <strong>{place}</strong>. Estimated wait: {minutes} min."),
            )
        }
        None => (
            "La salle d’attente est pleine. Réessayez un peu plus tard.".to_owned(),
            "The waiting room is full. Please try again a little later.".to_owned(),
        ),
    };
    let seconds = poll.as_secs() + u64::from(poll.subsec_nanos() > 0);
    let page = format!(
        "<!DOCTYPE html>\n<html lang=\"fr\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"refresh\" content=\"{seconds}\">\n<title>Salle d’attente</title>\n</head>\n<body>\n<main>\n\
         <h1>Beaucoup de monde en ce moment</h1>\n<p>{french}</p>\n\
         <p>Gardez cette page ouverte : elle se met à jour toute seule, et votre place est gardée.</p>\n\
         <section lang=\"en\">\n<h2>We are very busy</h2>\n<p>{english}</p>\n\
         <p>Keep this page open: it refreshes itself, and your place is kept.</p>\n</section>\n\
         </main>\n</body>\n</html>\n"
    );
    let mut response = pages::protected((StatusCode::SERVICE_UNAVAILABLE, Html(page)).into_response());
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    if let Some(cookie) = cookie {
        headers.append(header::SET_COOKIE, cookie);
    }
    response
}
