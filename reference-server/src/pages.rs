//! The pages that people see, in French.

use std::fmt::Write;

use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};

use crate::certificate::{kind, outcome};
use crate::entry::{Outcome, Record};

/// Refusals are filled up to this many bytes, so that their sizes do not tell them apart.
const REFUSAL: usize = 1_024;

/// Why there is none.
const NO_CERTIFICATE: &str =
    "Un résultat indéterminé ne donne pas lieu à un certificat : un nouveau test est nécessaire.";

/// A page that may be shown, but not kept, and not framed or told to others by its address.
pub(crate) fn page(title: &str, body: &str) -> Response {
    protected(Html(shell(title, body)).into_response())
}

/// The form behind a patient's link: the same for every link, whether there is something behind it or not.
pub(crate) fn birth_date(link: &str) -> Response {
    let body = format!(
        "<p>Pour consulter votre document, indiquez votre date de naissance.</p>\n\
         <form method=\"post\" action=\"/p/{}\">\n<label for=\"birth_date\">Date de naissance</label>\n\
         <input type=\"date\" id=\"birth_date\" name=\"birth_date\" required autocomplete=\"bday\">\n\
         <button type=\"submit\">Continuer</button>\n</form>",
        escape(link)
    );
    page("Vérification", &body)
}

/// After the right date.
pub(crate) fn opened(link: &str) -> Response {
    let body = format!("<p><a href=\"/p/{}/result\">Consulter le document</a></p>", escape(link));
    page("Vérification réussie", &body)
}

/// After a wrong date, for an unknown link and for a missing session: always the same bytes.
pub(crate) fn refused() -> Response {
    refusal("La date de naissance ou le lien n’est pas valable, ou le document n’est pas encore disponible.")
}

/// While a link is locked, and after it is dead.
pub(crate) fn locked() -> Response {
    refusal("Trop d’essais : ce lien est bloqué. Réessayez plus tard ou demandez un nouveau lien.")
}

/// The result.
pub(crate) fn result(link: &str, Record { patient, test }: &Record) -> Response {
    let mut rows = String::new();
    for (name, value) in [
        ("Nom", patient.family_name.as_str()),
        ("Prénom", &patient.given_name),
        ("Date de naissance", &patient.birth_date),
        ("Test", kind(test.kind)),
        ("Prélèvement", &test.sampled_at),
        ("Résultat", outcome(test.result)),
    ] {
        // Writing to a String does not fail.
        let _ = writeln!(rows, "<dt>{name}</dt><dd>{}</dd>", escape(value));
    }
    let certificate = match test.result {
        Outcome::Indeterminate => NO_CERTIFICATE.to_owned(),
        _ => ["pdf", "png", "txt"]
            .map(|form| format!("<a href=\"/p/{}/certificate.{form}\">Certificat ({form})</a>", escape(link)))
            .join(" "),
    };
    page("Résultat", &format!("<dl>\n{rows}</dl>\n<p>{certificate}</p>"))
}

/// Instead of the certificate of an indeterminate result.
pub(crate) fn no_certificate(link: &str) -> Response {
    let back = format!("<p><a href=\"/p/{}/result\">Résultat</a></p>", escape(link));
    page("Pas de certificat", &format!("<p>{NO_CERTIFICATE}</p>\n{back}"))
}

/// The form of a professional's entry.
pub(crate) fn entry_form() -> Response {
    let mut fields = String::new();
    for (name, label, kind) in [
        ("family_name", "Nom de naissance", "text"),
        ("given_name", "Prénom", "text"),
        ("birth_date", "Date de naissance", "date"),
        ("mobile", "Téléphone mobile (06 39 98 …)", "tel"),
        ("identifier", "Matricule INS de test", "text"),
        ("sample", "Numéro de prélèvement", "text"),
        ("sampled_at", "Heure du prélèvement", "datetime-local"),
    ] {
        // Writing to a String does not fail.
        let _ = writeln!(
            fields,
            "<p><label for=\"{name}\">{label}</label> <input type=\"{kind}\" id=\"{name}\" name=\"{name}\" required></p>"
        );
    }
    for (name, label, options) in [
        ("sex", "Sexe", &["F", "M", "U"][..]),
        ("kind", "Test", &["antigen", "pcr"]),
        ("result", "Résultat", &["negative", "positive", "indeterminate"]),
    ] {
        let options: String = options.iter().map(|option| format!("<option>{option}</option>")).collect();
        let _ = writeln!(
            fields,
            "<p><label for=\"{name}\">{label}</label> <select id=\"{name}\" name=\"{name}\">{options}</select></p>"
        );
    }
    page(
        "Saisie d’un résultat",
        &format!("<form>\n{fields}<button type=\"submit\">Valider</button>\n</form>"),
    )
}

fn refusal(text: &str) -> Response {
    let mut page = shell("Accès refusé", &format!("<p>{text}</p>"));
    page.extend(std::iter::repeat_n(' ', REFUSAL.saturating_sub(page.len())));
    protected(Html(page).into_response())
}

fn shell(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"fr\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n</head>\n\
         <body>\n<header><p>Modèle de démonstration : données synthétiques, sans valeur.</p></header>\n\
         <main>\n<h1>{title}</h1>\n{body}\n</main>\n</body>\n</html>\n"
    )
}

/// What every page of this server asks of the browser.
pub(crate) fn protected(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; form-action 'self'; frame-ancestors 'none'"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_typed_cannot_become_markup() {
        assert_eq!(escape("<a href=\"x\">O'Neil & co"), "&lt;a href=&quot;x&quot;&gt;O&#39;Neil &amp; co");
    }

    #[test]
    fn refusals_have_the_same_size() {
        use http_body_util::BodyExt;
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let size =
            |response: Response| runtime.block_on(response.into_body().collect()).unwrap().to_bytes().len();
        assert_eq!(size(refused()), REFUSAL);
        assert_eq!(size(locked()), REFUSAL);
    }
}
