//! What the pages for people have in common: their frame, their language, their headers.

pub(crate) mod entry;
mod form;
pub(crate) mod issuer;
pub(crate) mod patient;
pub(crate) mod portal;
pub(crate) mod start;
pub(crate) mod waiting;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

pub(crate) use self::form::{Wrong, joined, parted};
use crate::language::Language;
use crate::refusal::Refusal;

/// The one style sheet.
const STYLE: &str = include_str!("pages/style.css");

/// What every page asks of the browser: nothing is kept, framed, guessed, told to others by its address, or run.
const PROTECTION: [(HeaderName, &str); 4] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'",
    ),
];

/// A page as a visitor gets it.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) language: Language,
    /// What it is about: the window's title and, as a rule, the only heading of the first level.
    pub(crate) title: String,
    /// Who is signed in to the portal, and the token of their forms.
    pub(crate) signed_in: Option<SignedIn>,
    pub(crate) body: Markup,
}

/// What the frame of a portal's page needs.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn {
    /// The account.
    pub(crate) account: String,
    /// What every form of this session must carry.
    pub(crate) csrf: String,
}

impl Page {
    /// A page for somebody who is not signed in.
    pub(crate) fn new(language: Language, title: impl Into<String>, body: Markup) -> Page {
        Page { language, title: title.into(), signed_in: None, body }
    }

    /// The text of the page.
    pub(crate) fn text(&self) -> String {
        let Page { language, title, signed_in, body } = self;
        let other = language.other();
        let page = html! {
            (DOCTYPE)
            html lang=(language.tag()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (title) " – SI-DEP " (language.choose("(démonstration)", "(demonstration)")) }
                    link rel="stylesheet" href="/style.css";
                }
                body {
                    a.skip href="#content" { (language.choose("Aller au contenu", "Skip to content")) }
                    header.top {
                        div.inner {
                            p.brand { "SI-DEP" span { (language.choose("modèle de démonstration", "demonstration model")) } }
                            nav aria-label=(language.choose("Langue", "Language")) {
                                a href={ "?lang=" (other.tag()) } lang=(other.tag()) hreflang=(other.tag()) { (other.own_name()) }
                            }
                        }
                    }
                    @if let Some(signed_in) = signed_in { (portal::bar(*language, signed_in)) }
                    main #content tabindex="-1" { (body) }
                    footer.bottom {
                        p.inner {
                            (language.choose(
                                "Données synthétiques, sans aucune valeur. Ce site n’est pas un service de l’État.",
                                "Synthetic data without any value. This site is not a service of the state.",
                            ))
                        }
                    }
                }
            }
        };
        page.into_string()
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        protected(axum::response::Html(self.text()).into_response())
    }
}

/// `GET /style.css`.
pub(crate) async fn style() -> impl IntoResponse {
    let headers =
        [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "max-age=3600")];
    (headers, STYLE)
}

/// Puts the protection of a page onto any answer.
pub(crate) fn protected(mut response: Response) -> Response {
    for (name, value) in PROTECTION {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Where a form leads, so that going back or reloading does not send it twice.
pub(crate) fn see_other(place: &str) -> Response {
    let Ok(place) = HeaderValue::try_from(place) else { return Refusal::Broken.into_response() };
    protected((StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response())
}

/// Whether whoever asks reads pages: a browser says so, a program does not.
pub(crate) fn wanted(headers: &HeaderMap) -> bool {
    let accepts = headers.get_all(header::ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    accepts.into_iter().any(|accepts| accepts.contains("text/html"))
}

/// After a page: a refusal in JSON becomes a page for whoever reads pages.
pub(crate) async fn for_people(request: Request, next: Next) -> Response {
    let (wanted, language) = (wanted(request.headers()), Language::of(request.headers()));
    let response = next.run(request).await;
    let status = response.status();
    let is_json =
        || response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if !wanted || !(status.is_client_error() || status.is_server_error()) || !is_json() {
        return response;
    }
    let mut page = refused(language, status);
    if let Some(after) = response.headers().get(header::RETRY_AFTER) {
        page.headers_mut().insert(header::RETRY_AFTER, after.clone());
    }
    page
}

/// Where there is nothing.
pub(crate) async fn nowhere(headers: HeaderMap) -> Response {
    if wanted(&headers) {
        refused(Language::of(&headers), StatusCode::NOT_FOUND)
    } else {
        Refusal::NotFound.into_response()
    }
}

fn refused(language: Language, status: StatusCode) -> Response {
    let mut page = refusal(language, status).into_response();
    *page.status_mut() = status;
    page
}

fn refusal(language: Language, status: StatusCode) -> Page {
    let (title, text) = match status {
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => (
            language.choose("Le service est très demandé", "The service is very busy"),
            language.choose(
                "Votre demande n’a pas été traitée. Réessayez dans quelques instants.",
                "Your request was not processed. Try again in a moment.",
            ),
        ),
        StatusCode::NOT_FOUND => (
            language.choose("Page introuvable", "Page not found"),
            language.choose(
                "Vérifiez l’adresse de la page, ou le lien que vous avez reçu.",
                "Check the address of the page, or the link that you received.",
            ),
        ),
        status if status.is_client_error() => (
            language.choose("Demande refusée", "Request refused"),
            language.choose(
                "Revenez à la page précédente et recommencez.",
                "Go back to the previous page and start again.",
            ),
        ),
        _ => (
            language.choose("Le service a un problème", "There is a problem with the service"),
            language.choose(
                "Rien n’a été enregistré. Réessayez plus tard.",
                "Nothing was saved. Try again later.",
            ),
        ),
    };
    Page::new(language, title, html! { h1 { (title) } p.lead { (text) } })
}
