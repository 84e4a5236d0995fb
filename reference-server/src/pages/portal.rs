//! What a professional sees beside the form of an entry: sign-in, search, a result, the sheet for the counter.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::form::{self, Input, Wrong};
use super::patient::findings;
use super::{Page, SignedIn};
use crate::certificate::Printed;
use crate::entry::Record;
use crate::language::Language;
use crate::words;

/// Above every page of somebody who has signed in.
pub(super) fn bar(language: Language, SignedIn { account, csrf }: &SignedIn) -> Markup {
    html! {
        div.bar {
            div.inner {
                nav aria-label=(language.choose("Portail", "Portal")) {
                    ul {
                        li { a href="/pro/entry" { (language.choose("Saisir un résultat", "Enter a result")) } }
                        li { a href="/pro/patients" { (language.choose("Chercher un patient", "Find a patient")) } }
                    }
                }
                form method="post" action="/pro/sign-out" aria-label=(language.choose("Compte", "Account")) {
                    p { (account) }
                    input type="hidden" name="csrf" value=(csrf);
                    button.plain type="submit" { (language.choose("Se déconnecter", "Sign out")) }
                }
            }
        }
    }
}

/// Before the issuer.
pub(crate) fn invite(language: Language, public_url: &str, signed_out: bool) -> Page {
    let title = language.choose("Portail des professionnels", "Portal for professionals");
    let body = html! {
        @if signed_out {
            div.done role="status" { p { (language.choose("Vous êtes déconnecté.", "You are signed out.")) } }
        }
        h1 { (title) }
        p.lead {
            (language.choose(
                "Identifiez-vous pour saisir le résultat d’un test et remettre son certificat.",
                "Sign in to enter the result of a test and to hand out its certificate.",
            ))
        }
        p {
            // By its public name, under which the issuer sends the browser back.
            a.button href={ (public_url) "/pro/sign-in/begin" } { (language.choose("S’identifier", "Sign in")) }
        }
    };
    Page::new(language, title, body)
}

/// When the issuer did not let somebody in, or does not answer.
pub(crate) fn not_signed_in(language: Language, status: StatusCode) -> Response {
    let title = language.choose("Vous n’êtes pas identifié", "You are not signed in");
    let text = match status {
        StatusCode::SERVICE_UNAVAILABLE => language.choose(
            "Le service d’identification ne répond pas. Les sessions ouvertes restent valables\u{a0}; réessayez dans quelques minutes.",
            "The sign-in service does not answer. Open sessions stay good; try again in a few minutes.",
        ),
        _ => language.choose(
            "L’identification n’a pas abouti, ou elle a duré trop longtemps.",
            "The sign-in was not completed, or it took too long.",
        ),
    };
    let body = html! {
        h1 { (title) }
        p.lead { (text) }
        p { a.button href="/pro/sign-in" { (language.choose("Recommencer", "Start again")) } }
    };
    let mut response = Page::new(language, title, body).into_response();
    *response.status_mut() = status;
    response
}

/// The search, and what it found.
pub(crate) fn search(
    language: Language,
    signed_in: SignedIn,
    name: &str,
    found: Option<&[(String, Record)]>,
) -> Page {
    searching(language, signed_in, name, &[], found)
}

/// A search by too few letters.
pub(crate) fn search_refused(language: Language, signed_in: SignedIn, name: &str) -> Response {
    let text = ("Indiquez au moins deux lettres du nom", "Enter at least two letters of the name");
    let mut response =
        searching(language, signed_in, name, &[Wrong { field: "name", text }], None).into_response();
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}

fn searching(
    language: Language,
    signed_in: SignedIn,
    name: &str,
    wrong: &[Wrong],
    found: Option<&[(String, Record)]>,
) -> Page {
    let heading = language.choose("Chercher un patient", "Find a patient");
    let label = ("Premières lettres du nom de naissance", "First letters of the family name at birth");
    let hint = ("Parmi les résultats que vous avez saisis.", "Among the results that you have entered.");
    let field = Input::text("name", label, Some(hint), name);
    let body = html! {
        (form::summary(language, wrong))
        h1 { (heading) }
        form method="get" role="search" novalidate {
            (field.render(language, wrong))
            button type="submit" { (language.choose("Chercher", "Search")) }
        }
        @if let Some(found) = found { (list(language, found)) }
    };
    let title = match (wrong.is_empty(), name) {
        (false, _) => format!("{}{heading}", language.choose("Erreur\u{a0}: ", "Error: ")),
        (true, "") => heading.to_owned(),
        (true, name) => format!("{name} – {heading}"),
    };
    Page { language, title, signed_in: Some(signed_in), body }
}

fn list(language: Language, found: &[(String, Record)]) -> Markup {
    let count = found.len();
    let heading = match (language, count) {
        (Language::French, 0) => "Aucun patient".to_owned(),
        (Language::French, 1) => "1 résultat".to_owned(),
        (Language::French, _) => format!("{count} résultats"),
        (Language::English, 0) => "No patient".to_owned(),
        (Language::English, 1) => "1 result".to_owned(),
        (Language::English, _) => format!("{count} results"),
    };
    html! {
        h2 { (heading) }
        ul.found {
            @for (id, Record { patient, test }) in found {
                @let name = format!("{} {}", patient.family_name, patient.given_name);
                li {
                    p.who { (name) }
                    p {
                        (language.choose("Naissance\u{a0}: ", "Born: ")) (words::date(language, &patient.birth_date)) br;
                        (words::kind(language, test.kind)) ", " (words::outcome(language, test.result)) ", "
                        (words::time(language, &test.sampled_at))
                    }
                    ul {
                        li { a href={ "/pro/results/" (id) } { (language.choose("Voir le résultat", "See the result")) span.unseen { ", " (name) } } }
                        li { a href={ "/pro/entry?patient=" (id) } { (language.choose("Nouveau test", "New test")) span.unseen { ", " (name) } } }
                    }
                }
            }
        }
    }
}

/// One result, and what can be done with it.
pub(crate) fn result(
    language: Language,
    signed_in: SignedIn,
    id: &str,
    record: &Record,
    recorded: bool,
) -> Page {
    let title = language.choose("Résultat enregistré", "Recorded result");
    let body = html! {
        @if recorded {
            div.done role="status" {
                p {
                    (language.choose("Le résultat est enregistré. Le patient reçoit un lien au ", "The result is recorded. The patient gets a link at "))
                    (record.patient.mobile) "."
                }
            }
        }
        h1 { (title) }
        (findings(language, record, &html! {
            p { a.button href={ "/pro/results/" (id) "/print" } { (language.choose("Certificat à imprimer", "Certificate to print")) } }
        }))
        p { a href="/pro/entry" { (language.choose("Saisir un autre résultat", "Enter another result")) } }
    };
    Page { language, title: title.to_owned(), signed_in: Some(signed_in), body }
}

/// The sheet that is printed at the counter and handed to the patient: in both languages, whoever prints it.
pub(crate) fn print(language: Language, signed_in: SignedIn, record: &Record, printed: &Printed) -> Page {
    let Record { patient, test } = record;
    let both = |french: &str, english: &str| html! { (french) " / " span lang="en" { (english) } };
    let rows = [
        (both("Nom", "Family name"), html! { (patient.family_name) }),
        (both("Prénom", "Given name"), html! { (patient.given_name) }),
        (both("Date de naissance", "Date of birth"), html! { (patient.birth_date) }),
        (
            both("Test", "Test"),
            both(words::kind(Language::French, test.kind), words::kind(Language::English, test.kind)),
        ),
        (both("Prélèvement", "Sample taken"), html! { (test.sampled_at.replace('T', " ")) }),
        (
            both("Résultat", "Result"),
            both(
                words::outcome(Language::French, test.result),
                words::outcome(Language::English, test.result),
            ),
        ),
        (both("Identifiant du certificat", "Certificate identifier"), html! { (printed.uvci) }),
    ];
    let title = language.choose("Certificat à imprimer", "Certificate to print");
    let body = html! {
        p.screen {
            (language.choose(
                "Imprimez cette page avec la commande de votre navigateur (Ctrl + P) et remettez-la au patient.",
                "Print this page with your browser’s own command (Ctrl + P) and hand it to the patient.",
            ))
        }
        div lang="fr" {
            h1 { "Certificat de test COVID-19" }
            p.lead lang="en" { "COVID-19 test certificate" }
            img.code src={ "data:image/png;base64," (printed.picture) } width="336" height="336"
                alt=(language.choose("Code QR du certificat européen", "QR code of the EU certificate"));
            dl { @for (name, value) in &rows { div { dt { (name) } dd { (value) } } } }
            p.small {
                "Modèle de démonstration, sans valeur. / " span lang="en" { "Demonstration, without any value." }
            }
        }
    };
    Page { language, title: title.to_owned(), signed_in: Some(signed_in), body }
}
