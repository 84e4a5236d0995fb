//! Parts of forms that are accessible in the same way everywhere: labels, hints, errors beside the field and above the
//! form, groups.

use maud::{Markup, html};

use crate::language::Language;

/// A text in French and in English.
pub(super) type Both = (&'static str, &'static str);

/// A field that is wrong: its id, and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) field: &'static str,
    pub(crate) text: Both,
}

/// Above a form that was sent back: everything that is wrong, each linked to its field.
pub(super) fn summary(language: Language, wrong: &[Wrong]) -> Markup {
    html! {
        @if !wrong.is_empty() {
            div.summary role="alert" aria-labelledby="summary" tabindex="-1" autofocus {
                h2 #summary { (language.choose("Il y a un problème", "There is a problem")) }
                ul {
                    @for Wrong { field, text } in wrong {
                        li { a href={ "#" (field) } { (language.choose(text.0, text.1)) } }
                    }
                }
            }
        }
    }
}

/// What is wrong with this field.
fn error(wrong: &[Wrong], id: &str) -> Option<Both> {
    wrong.iter().find(|wrong| wrong.field == id).map(|wrong| wrong.text)
}

/// The ids of what describes a field.
fn described(id: &str, hint: bool, error: bool) -> Option<String> {
    let ids: Vec<_> = [(hint, "hint"), (error, "error")]
        .iter()
        .filter(|(there, _)| *there)
        .map(|(_, kind)| format!("{id}-{kind}"))
        .collect();
    (!ids.is_empty()).then(|| ids.join(" "))
}

fn explained(language: Language, id: &str, hint: Option<Both>, error: Option<Both>) -> Markup {
    html! {
        @if let Some(hint) = hint { p.hint id={ (id) "-hint" } { (language.choose(hint.0, hint.1)) } }
        @if let Some(error) = error {
            p.error id={ (id) "-error" } {
                span.unseen { (language.choose("Erreur\u{a0}: ", "Error: ")) }
                (language.choose(error.0, error.1))
            }
        }
    }
}

/// A line of text, or what the browser makes of another type of input.
pub(super) struct Input<'i> {
    /// Its id and its name.
    pub(super) id: &'static str,
    pub(super) label: Both,
    pub(super) hint: Option<Both>,
    /// `text`, `tel`, `datetime-local`, …
    pub(super) kind: &'static str,
    /// What the browser may fill in (`autocomplete`); the person who types is rarely the one who is typed.
    pub(super) autocomplete: &'static str,
    /// Its width, as a class of the style sheet.
    pub(super) width: &'static str,
    pub(super) value: &'i str,
}

impl<'i> Input<'i> {
    /// A line of text as wide as the page, into which the browser fills nothing.
    pub(super) fn text(id: &'static str, label: Both, hint: Option<Both>, value: &'i str) -> Input<'i> {
        Input { id, label, hint, kind: "text", autocomplete: "off", width: "", value }
    }

    pub(super) fn render(&self, language: Language, wrong: &[Wrong]) -> Markup {
        let Input { id, label, hint, kind, autocomplete, width, value } = *self;
        let error = error(wrong, id);
        let numeric = (kind == "tel").then_some("tel");
        html! {
            div.field .wrong[error.is_some()] {
                label for=(id) { (language.choose(label.0, label.1)) }
                (explained(language, id, hint, error))
                input class=(width) type=(kind) id=(id) name=(id) value=(value) autocomplete=(autocomplete)
                    inputmode=[numeric] spellcheck="false" aria-describedby=[described(id, hint.is_some(), error.is_some())]
                    aria-invalid=[error.map(|_| "true")];
            }
        }
    }
}

/// One of a few, as radio buttons.
pub(super) struct Choice<'i> {
    /// Its name, and the id of its first button.
    pub(super) id: &'static str,
    pub(super) legend: Both,
    /// Values and labels.
    pub(super) options: &'i [(&'static str, Both)],
    pub(super) value: &'i str,
}

impl Choice<'_> {
    pub(super) fn render(&self, language: Language, wrong: &[Wrong]) -> Markup {
        let Choice { id, legend, options, value } = *self;
        let error = error(wrong, id);
        html! {
            fieldset.field .wrong[error.is_some()] aria-describedby=[described(id, false, error.is_some())] {
                legend { (language.choose(legend.0, legend.1)) }
                (explained(language, id, None, error))
                div.choices {
                    @for (index, (option, label)) in options.iter().enumerate() {
                        @let own = if index == 0 { id.to_owned() } else { format!("{id}-{option}") };
                        div.choice {
                            input type="radio" id=(own) name=(id) value=(option) checked[*option == value];
                            label for=(own) { (language.choose(label.0, label.1)) }
                        }
                    }
                }
            }
        }
    }
}

/// A date that people know by heart, in three fields: nothing to scroll through, and the same in every browser.
pub(super) struct KnownDate<'i> {
    /// The id of its first field.
    pub(super) id: &'static str,
    pub(super) legend: Markup,
    pub(super) hint: Option<Both>,
    /// Whether it is the visitor's own birth date, which a browser may know.
    pub(super) own: bool,
    /// Day, month, year, as they were typed.
    pub(super) value: [&'i str; 3],
}

impl KnownDate<'_> {
    pub(super) fn render(&self, language: Language, wrong: &[Wrong]) -> Markup {
        let KnownDate { id, legend, hint, own, value } = self;
        let error = error(wrong, id);
        let parts = [
            (*id, "day", "bday-day", ("Jour", "Day"), 2),
            ("month", "month", "bday-month", ("Mois", "Month"), 2),
            ("year", "year", "bday-year", ("Année", "Year"), 4),
        ];
        html! {
            fieldset.field .wrong[error.is_some()] aria-describedby=[described(id, hint.is_some(), error.is_some())] {
                legend { (legend) }
                (explained(language, id, *hint, error))
                div.date {
                    @for ((id, name, autocomplete, label, length), value) in parts.iter().zip(value) {
                        div {
                            label for=(id) { (language.choose(label.0, label.1)) }
                            input class={ "w" (length) } type="text" inputmode="numeric" id=(id) name=(name) value=(value)
                                maxlength=(length) autocomplete=(if *own { *autocomplete } else { "off" })
                                aria-invalid=[error.map(|_| "true")];
                        }
                    }
                }
            }
        }
    }
}

/// Day, month and year as they were typed, in the form `YYYY-MM-DD`; empty if one is missing or has other signs than
/// digits.
pub(crate) fn joined(day: &str, month: &str, year: &str) -> String {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let [day, month, year] = [day, month, year].map(str::trim);
    if [day, month, year].into_iter().all(digits) {
        format!("{year:0>4}-{month:0>2}-{day:0>2}")
    } else {
        String::new()
    }
}

/// The parts of `YYYY-MM-DD`: day, month, year.
pub(crate) fn parted(date: &str) -> [String; 3] {
    let mut parts = date.splitn(3, '-').map(str::to_owned);
    let [year, month, day] = [(); 3].map(|()| parts.next().unwrap_or_default());
    [day, month, year]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_joined_from_what_people_type() {
        assert_eq!(joined("4", " 5 ", "1985"), "1985-05-04");
        assert_eq!(joined("14", "05", "85"), "0085-05-14");
        assert_eq!(joined("14", "mai", "1985"), "");
        assert_eq!(joined("", "", ""), "");
        assert_eq!(parted("1985-05-04"), ["04", "05", "1985"]);
        assert_eq!(parted(""), ["", "", ""]);
    }
}
