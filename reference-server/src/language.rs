//! The language of a page: what its visitor chose, else what the browser asks for, else French.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Request};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::cookie;

/// Name of the cookie and of the query parameter of the choice.
const NAME: &str = "lang";

/// How long a choice is remembered, in seconds: a year.
const REMEMBERED: u32 = 31_536_000;

/// A language that the pages speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    French,
    English,
}

impl Language {
    /// The tag of BCP 47.
    pub(crate) const fn tag(self) -> &'static str {
        self.choose("fr", "en")
    }

    /// What it is called by those who speak it.
    pub(crate) const fn own_name(self) -> &'static str {
        self.choose("Français", "English")
    }

    /// The one that the switch leads to.
    pub(crate) const fn other(self) -> Language {
        self.choose(Language::English, Language::French)
    }

    /// The French or the English one of two.
    pub(crate) const fn choose<T: Copy>(self, french: T, english: T) -> T {
        match self {
            Language::French => french,
            Language::English => english,
        }
    }

    /// `fr`, `en-GB`, …
    fn of_tag(tag: &str) -> Option<Language> {
        let primary = tag.split('-').next().unwrap_or_default();
        let known = [Language::French, Language::English];
        known.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary))
    }

    /// Of a request with these headers.
    pub(crate) fn of(headers: &HeaderMap) -> Language {
        let chosen = cookie::values(headers, NAME).find_map(Language::of_tag);
        let asked = || {
            let header = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
            header.and_then(preferred)
        };
        chosen.or_else(asked).unwrap_or(Language::French)
    }
}

/// The first of the languages with the highest weight (RFC 9110, section 12.5.4) that the pages speak.
fn preferred(accepted: &str) -> Option<Language> {
    let mut best: Option<(f32, Language)> = None;
    for range in accepted.split(',') {
        let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
        let weight = match parameters.trim().strip_prefix("q=") {
            Some(weight) => weight.parse().unwrap_or(0.0),
            None => 1.0,
        };
        if let Some(language) = Language::of_tag(tag.trim())
            && weight > best.map_or(0.0, |(best, _)| best)
        {
            best = Some((weight, language));
        }
    }
    best.map(|(_, language)| language)
}

impl<S: Sync> FromRequestParts<S> for Language {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Language::of(&parts.headers))
    }
}

/// Before a page: `?lang=en` is remembered in a cookie, and leads to the same page without it.
pub(crate) async fn switch(request: Request, next: Next) -> Response {
    let chosen = request.uri().query().and_then(|query| chosen(query).map(|language| (query, language)));
    match chosen {
        Some((query, language)) if request.method() == Method::GET => {
            let rest: Vec<_> = query.split('&').filter(|pair| !is_choice(pair)).collect();
            let mut place = request.uri().path().to_owned();
            if !rest.is_empty() {
                place.push('?');
                place.push_str(&rest.join("&"));
            }
            let cookie =
                format!("{NAME}={}; Path=/; Max-Age={REMEMBERED}; HttpOnly; SameSite=Lax", language.tag());
            let headers = [(header::LOCATION, place), (header::SET_COOKIE, cookie)];
            let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
            (StatusCode::SEE_OTHER, headers, no_store).into_response()
        }
        _ => next.run(request).await,
    }
}

fn is_choice(pair: &str) -> bool {
    pair.split_once('=').is_some_and(|(name, _)| name == NAME)
}

fn chosen(query: &str) -> Option<Language> {
    let pair = query.split('&').find(|pair| is_choice(pair))?;
    Language::of_tag(pair.split_once('=')?.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_choice_comes_before_the_browser_and_the_browser_before_french() {
        let of = |pairs: &[(header::HeaderName, &str)]| {
            Language::of(&pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect())
        };
        assert_eq!(of(&[]), Language::French);
        for (accepted, language) in [
            ("en", Language::English),
            ("en-GB,en;q=0.9", Language::English),
            ("FR-ca, en;q=0.5", Language::French),
            ("de, en;q=0.7, fr;q=0.8", Language::French),
            ("de, en;q=0.7, fr;q=0.7", Language::English),
            ("en;q=0, *", Language::French),
            ("de", Language::French),
            (";;q=,", Language::French),
        ] {
            assert_eq!(of(&[(header::ACCEPT_LANGUAGE, accepted)]), language, "{accepted}");
        }
        let both = [(header::ACCEPT_LANGUAGE, "fr"), (header::COOKIE, "a=b; lang=en")];
        assert_eq!(of(&both), Language::English);
        assert_eq!(of(&[(header::COOKIE, "lang=xx")]), Language::French);
    }

    #[test]
    fn a_choice_is_found_among_other_parameters() {
        assert_eq!(chosen("name=a&lang=en"), Some(Language::English));
        assert_eq!(chosen("language=en"), None);
        assert_eq!(chosen("lang=de"), None);
        assert_eq!(chosen("lang"), None);
    }
}
