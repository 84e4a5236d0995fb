//! What somebody sees who waits in a waiting room: the place, or that there is none.

use std::time::Duration;

use maud::{Markup, html};

use super::Page;
use crate::language::Language;

/// The page for somebody at this place, for about so long; `None`: every place is taken.
pub(crate) fn room(language: Language, place: Option<(usize, Duration)>) -> Page {
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
    Page::new(language, title, body)
}

fn stands(language: Language, place: usize, left: Duration) -> Markup {
    let minutes = left.as_secs().div_ceil(60).max(1);
    html! {
        div.outcome {
            span { (language.choose("Votre place dans la file", "Your place in the queue")) }
            strong { (place) }
        }
        p.lead { (language.choose("Attente estimée\u{a0}: ", "Estimated wait: ")) (minutes) "\u{a0}min." }
        p {
            (language.choose(
                "Gardez cette page ouverte\u{a0}: elle se met à jour toute seule, et votre place est gardée.",
                "Keep this page open: it refreshes itself, and your place is kept.",
            ))
        }
    }
}
