//! The first page, and the messages that a demonstration shows instead of sending them.

use maud::html;

use super::Page;
use crate::language::Language;
use crate::store::Message;

/// `GET /`.
pub(crate) fn start(language: Language, messages: bool) -> Page {
    let title = language.choose("Résultats de tests Covid-19", "Covid-19 test results");
    let body = html! {
        h1 { (title) }
        p.lead {
            (language.choose(
                "Un modèle de SI-DEP, la plateforme française des résultats de tests, à essayer et à mettre à l’épreuve.",
                "A model of SI-DEP, the French platform for test results, to try out and to put under load.",
            ))
        }
        h2 { (language.choose("Vous êtes professionnel de santé", "You are a health professional")) }
        p { (language.choose("Saisissez le résultat d’un test.", "Enter the result of a test.")) }
        p { a.button href="/pro" { (language.choose("Ouvrir le portail", "Open the portal")) } }
        h2 { (language.choose("Vous avez été testé", "You were tested")) }
        p {
            (language.choose(
                "Ouvrez le lien que vous avez reçu par SMS. Votre date de naissance vous sera demandée.",
                "Open the link that you received by text message. You will be asked for your date of birth.",
            ))
        }
        @if messages {
            p { a href="/demo/messages" { (language.choose("Voir les SMS de la démonstration", "See the demonstration’s text messages")) } }
        }
    };
    Page::new(language, title, body)
}

/// `GET /demo/messages`: the latest first.
pub(crate) fn messages(language: Language, public_url: &str, messages: &[Message]) -> Page {
    let title = language.choose("SMS en attente", "Text messages waiting");
    let body = html! {
        h1 { (title) }
        p.lead {
            (language.choose(
                "Aucune passerelle SMS n’est configurée\u{a0}: les messages attendent ici. Cette page n’existe que sur la machine du serveur.",
                "No SMS gateway is configured, so messages wait here. This page exists on the server’s own machine only.",
            ))
        }
        @if messages.is_empty() {
            p { (language.choose("Aucun message pour l’instant.", "No message yet.")) }
        } @else {
            ul.messages {
                @for message in messages {
                    @let link = format!("{public_url}/p/{}", message.link);
                    li {
                        p.to { (message.to) }
                        p lang="fr" {
                            (crate::outbox::TEXT)
                            a href={ "/p/" (message.link) } { (link) }
                        }
                    }
                }
            }
        }
    };
    Page::new(language, title, body)
}
