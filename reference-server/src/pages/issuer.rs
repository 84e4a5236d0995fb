//! The issuer's own page: who a person is.

use maud::html;

use super::Page;
use super::form::{self, Input, Wrong};
use crate::accounts;
use crate::issuer::Asked;
use crate::language::Language;

/// An account that anybody may use to try the portal.
const DEMONSTRATION: &str = "89900000001";

/// The form, empty or after a wrong secret.
pub(crate) fn sign_in(language: Language, asked: &Asked, account: &str, refused: bool) -> Page {
    let heading = language.choose("Identification des professionnels", "Sign-in for professionals");
    let wrong = [Wrong {
        field: "account",
        text: (
            "L’identifiant ou le secret n’est pas le bon. Vérifiez les deux.",
            "The identifier or the secret is wrong. Check both.",
        ),
    }];
    let wrong = if refused { &wrong[..] } else { &[] };
    let hint = ("Numéro RPPS de test, 11 chiffres", "Test RPPS number, 11 digits");
    let number = Input {
        autocomplete: "username",
        width: "w15",
        ..Input::text("account", ("Identifiant", "Identifier"), Some(hint), account)
    };
    let secret = Input {
        kind: "password",
        autocomplete: "current-password",
        ..Input::text("secret", ("Secret", "Secret"), None, "")
    };
    let hidden = [
        ("response_type", &asked.response_type),
        ("client_id", &asked.client_id),
        ("redirect_uri", &asked.redirect_uri),
        ("state", &asked.state),
        ("code_challenge", &asked.code_challenge),
        ("code_challenge_method", &asked.code_challenge_method),
    ];
    let body = html! {
        (form::summary(language, wrong))
        h1 { (heading) }
        form method="post" action="/oidc/authorize" novalidate {
            @for (name, value) in hidden { input type="hidden" name=(name) value=(value); }
            (number.render(language, wrong))
            (secret.render(language, wrong))
            button type="submit" { (language.choose("S’identifier", "Sign in")) }
        }
        h2 { (language.choose("Pour essayer", "To try it")) }
        p { (language.choose("Il n’y a que des comptes de démonstration, par exemple\u{a0}:", "There are demonstration accounts only, for example:")) }
        dl {
            div { dt { (language.choose("Identifiant", "Identifier")) } dd { (DEMONSTRATION) } }
            div { dt { (language.choose("Secret", "Secret")) } dd { (accounts::secret(DEMONSTRATION)) } }
        }
    };
    let title = match refused {
        true => format!("{}{heading}", language.choose("Erreur\u{a0}: ", "Error: ")),
        false => heading.to_owned(),
    };
    Page::new(language, title, body)
}
