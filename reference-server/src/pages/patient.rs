//! What a patient sees: the question for the birth date, the result, and the refusals, which all look alike.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::Page;
use super::form::{self, KnownDate, Wrong};
use crate::config::Patients;
use crate::entry::{Outcome, Record};
use crate::language::Language;
use crate::words;

/// Refusals are filled up to this many bytes, so that their sizes do not tell them apart.
const REFUSAL: usize = 4_096;

/// Id of the first field of the birth date.
const BIRTH: &str = "day";

/// The question behind a link: the same for every link, whether there is something behind it or not.
pub(crate) fn question(language: Language, rules: &Patients) -> Page {
    Page::new(language, question_title(language), asked(language, rules, None, &[], ["", "", ""]))
}

/// The question again, since what was written is no date: whatever the link.
pub(crate) fn no_date(language: Language, rules: &Patients, typed: [&str; 3]) -> Response {
    let wrong = [Wrong {
        field: BIRTH,
        text: (
            "Indiquez une date complète, par exemple 27 3 1985",
            "Enter a whole date, for example 27 3 1985",
        ),
    }];
    refused_with(StatusCode::FORBIDDEN, language, asked(language, rules, None, &wrong, typed))
}

/// After a wrong date, and for an unknown link: always the same bytes.
pub(crate) fn refused(language: Language, rules: &Patients) -> Response {
    let wrong = [Wrong {
        field: BIRTH,
        text: (
            "La date ou le lien n’est pas valable, ou le document n’est pas encore disponible. Vérifiez la date et le lien.",
            "The date or the link is not valid, or the document is not available yet. Check the date and the link.",
        ),
    }];
    refused_with(StatusCode::FORBIDDEN, language, asked(language, rules, None, &wrong, ["", "", ""]))
}

/// Without a session of this link.
pub(crate) fn closed(language: Language, rules: &Patients, link: &str) -> Response {
    refused_with(StatusCode::FORBIDDEN, language, asked(language, rules, Some(link), &[], ["", "", ""]))
}

/// While a link is locked, and after it is dead.
pub(crate) fn locked(language: Language, rules: &Patients) -> Response {
    let body = html! {
        h1 { (language.choose("Ce lien est bloqué", "This link is locked")) }
        p.lead {
            @match language {
                Language::French => { "Trop de dates ont été essayées. Réessayez dans " (minutes(rules)) " minutes." }
                Language::English => { "Too many dates were tried. Try again in " (minutes(rules)) " minutes." }
            }
        }
        p {
            (language.choose(
                "Si le lien reste bloqué, demandez-en un nouveau au professionnel qui vous a reçu.",
                "If the link stays locked, ask the professional who saw you for a new one.",
            ))
        }
    };
    refused_with(StatusCode::FORBIDDEN, language, body)
}

fn question_title(language: Language) -> &'static str {
    language.choose("Votre date de naissance", "Your date of birth")
}

/// The form, which posts to the page that it is on unless a link is given.
fn asked(
    language: Language,
    rules: &Patients,
    link: Option<&str>,
    wrong: &[Wrong],
    typed: [&str; 3],
) -> Markup {
    let date = KnownDate {
        id: BIRTH,
        legend: html! { h1 { (language.choose("Quelle est votre date de naissance\u{a0}?", "What is your date of birth?")) } },
        hint: Some(("Par exemple 27 3 1985", "For example 27 3 1985")),
        own: true,
        value: typed,
    };
    html! {
        (form::summary(language, wrong))
        form method="post" action=[link.map(|link| format!("/p/{link}"))] novalidate {
            (date.render(language, wrong))
            p.hint {
                @match language {
                    Language::French => {
                        "Elle protège le document qui vous concerne. Après " (rules.lock_after) " erreurs, le lien est bloqué pendant "
                        (minutes(rules)) " minutes."
                    }
                    Language::English => {
                        "It protects the document that is about you. After " (rules.lock_after) " errors the link is locked for "
                        (minutes(rules)) " minutes."
                    }
                }
            }
            button type="submit" { (language.choose("Continuer", "Continue")) }
        }
    }
}

/// For how long a link is locked.
fn minutes(rules: &Patients) -> u64 {
    rules.lock_for.as_secs().div_ceil(60)
}

/// After the right date.
pub(crate) fn opened(language: Language, rules: &Patients, link: &str) -> Page {
    let minutes = rules.session.as_secs().div_ceil(60);
    let title = language.choose("Votre document est prêt", "Your document is ready");
    let body = html! {
        h1 { (title) }
        p.lead {
            @match language {
                Language::French => { "La page reste ouverte pendant " (minutes) " minutes sur cet appareil." }
                Language::English => { "The page stays open for " (minutes) " minutes on this device." }
            }
        }
        p { a.button href={ "/p/" (link) "/result" } { (language.choose("Voir le document", "See the document")) } }
    };
    Page::new(language, title, body)
}

/// The result.
pub(crate) fn result(language: Language, link: &str, record: &Record) -> Page {
    let title = language.choose("Résultat de votre test", "Your test result");
    let body = html! {
        h1 { (title) }
        (findings(language, record, &html! {
            h2 { (language.choose("Certificat européen", "EU certificate")) }
            p { a.button href={ "/p/" (link) "/certificate.pdf" } { (language.choose("Télécharger le certificat (PDF)", "Download the certificate (PDF)")) } }
            ul {
                li { a href={ "/p/" (link) "/certificate.png" } { (language.choose("Code à présenter (image)", "Code to show (picture)")) } }
                li { a href={ "/p/" (link) "/certificate.txt" } { (language.choose("Contenu du code (texte)", "Content of the code (text)")) } }
            }
        }))
    };
    Page::new(language, title, body)
}

/// What came out and of what, and the way to its certificate, where it has one.
pub(super) fn findings(language: Language, record: &Record, certificate: &Markup) -> Markup {
    html! {
        (outcome(language, record))
        (facts(language, record))
        @if record.test.result == Outcome::Indeterminate {
            p { (no_certificate_text(language)) }
        } @else {
            (certificate)
        }
    }
}

/// What came out, so that it is seen first and not told by a colour alone.
fn outcome(language: Language, record: &Record) -> Markup {
    let class = match record.test.result {
        Outcome::Negative => "negative",
        Outcome::Positive => "positive",
        Outcome::Indeterminate => "indeterminate",
    };
    html! {
        p.outcome .(class) {
            span { (words::kind(language, record.test.kind)) }
            strong { (words::outcome(language, record.test.result)) }
        }
    }
}

/// Who was tested, and when.
fn facts(language: Language, Record { patient, test }: &Record) -> Markup {
    let rows = [
        (language.choose("Nom", "Family name"), patient.family_name.clone()),
        (language.choose("Prénom", "Given name"), patient.given_name.clone()),
        (language.choose("Date de naissance", "Date of birth"), words::date(language, &patient.birth_date)),
        (language.choose("Prélèvement", "Sample taken"), words::time(language, &test.sampled_at)),
        (language.choose("Analyse", "Analysed"), words::time(language, &test.analysed_at)),
    ];
    html! {
        dl { @for (name, value) in &rows { div { dt { (name) } dd { (value) } } } }
    }
}

/// Instead of the certificate of an indeterminate result.
pub(crate) fn no_certificate(language: Language, link: &str) -> Page {
    let title = language.choose("Pas de certificat", "No certificate");
    let body = html! {
        h1 { (title) }
        p.lead { (no_certificate_text(language)) }
        p { a href={ "/p/" (link) "/result" } { (language.choose("Revenir au résultat", "Back to the result")) } }
    };
    Page::new(language, title, body)
}

fn no_certificate_text(language: Language) -> &'static str {
    language.choose(
        "Un résultat indéterminé ne donne pas lieu à un certificat\u{a0}: un nouveau test est nécessaire.",
        "An inconclusive result has no certificate: another test is needed.",
    )
}

fn refused_with(status: StatusCode, language: Language, body: Markup) -> Response {
    let title = match status {
        StatusCode::LOCKED => language.choose("Lien bloqué", "Link locked"),
        _ => language.choose("Erreur\u{a0}: votre date de naissance", "Error: your date of birth"),
    };
    let mut text = Page::new(language, title, body).text();
    text.extend(std::iter::repeat_n(' ', REFUSAL.saturating_sub(text.len())));
    let mut response = super::protected(axum::response::Html(text).into_response());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn refusals_have_the_same_size_in_every_language() {
        let (link, rules) = ("0".repeat(40), Patients::default());
        for language in [Language::French, Language::English] {
            for response in [
                refused(language, &rules),
                locked(language, &rules),
                closed(language, &rules, &link),
                no_date(language, &rules, ["99", "99", "9999"]),
            ] {
                let body = response.into_body().collect().await.unwrap().to_bytes();
                assert_eq!(body.len(), REFUSAL);
            }
        }
    }

    #[test]
    fn what_people_typed_cannot_become_markup() {
        let mut record = crate::dcc::sample_record();
        record.patient.family_name = "<a href=\"x\">O'Neil & co".to_owned();
        let page = result(Language::French, "0", &record).text();
        assert!(page.contains("&lt;a href=&quot;x&quot;&gt;O'Neil &amp; co"), "{page}");
    }
}
