//! The form of a professional's entry: one field a question, with what is wrong beside it.

use maud::{Markup, html};

use super::form::{self, Both, Choice, Input, KnownDate, Wrong};
use super::{Page, SignedIn};
use crate::language::Language;
use crate::portal::Typed;

const SEXES: [(&str, Both); 3] =
    [("F", ("Femme", "Female")), ("M", ("Homme", "Male")), ("U", ("Inconnu", "Unknown"))];

const KINDS: [(&str, Both); 2] =
    [("antigen", ("Test antigénique", "Rapid antigen test")), ("pcr", ("Test RT-PCR", "RT-PCR test"))];

const OUTCOMES: [(&str, Both); 3] = [
    ("negative", ("Négatif", "Negative")),
    ("positive", ("Positif", "Positive")),
    ("indeterminate", ("Indéterminé", "Inconclusive")),
];

/// Why the form is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Because {
    /// It was asked for.
    Asked,
    /// The patient was saved.
    Saved,
}

/// The form with what was typed so far and what is wrong with it.
pub(crate) fn form(
    language: Language,
    signed_in: Option<SignedIn>,
    typed: &Typed,
    wrong: &[Wrong],
    because: Because,
) -> Page {
    let heading = language.choose("Saisir un résultat", "Enter a result");
    let csrf = signed_in.as_ref().map(|signed_in| signed_in.csrf.clone());
    let body = html! {
        (form::summary(language, wrong))
        @if because == Because::Saved { (saved(language)) }
        h1 { (heading) }
        p { (language.choose("Toutes les réponses sont nécessaires, sauf mention contraire. N’utilisez que des identités de test.", "Every answer is needed unless it says otherwise. Use test identities only.")) }
        form method="post" action="/pro/entry" novalidate {
            @if let Some(csrf) = csrf { input type="hidden" name="csrf" value=(csrf); }
            input type="hidden" name="ref" value=(typed.reference);
            h2 { (language.choose("Le patient", "The patient")) }
            (patient(language, typed, wrong))
            h2.part { (language.choose("Le test", "The test")) }
            (test(language, typed, wrong))
            div.actions {
                button type="submit" name="action" value="validate" { (language.choose("Valider le résultat", "Validate the result")) }
                button.second type="submit" name="action" value="save" { (language.choose("Enregistrer le patient seulement", "Save the patient only")) }
            }
        }
    };
    let title = if wrong.is_empty() {
        heading.to_owned()
    } else {
        format!("{}{heading}", language.choose("Erreur\u{a0}: ", "Error: "))
    };
    Page { language, title, signed_in, body }
}

fn saved(language: Language) -> Markup {
    html! {
        div.done role="status" {
            p {
                (language.choose(
                    "Le patient est enregistré. Gardez l’adresse de cette page pour reprendre la saisie plus tard.",
                    "The patient is saved. Keep the address of this page to go on later.",
                ))
            }
        }
    }
}

fn patient(language: Language, typed: &Typed, wrong: &[Wrong]) -> Markup {
    let birth_date = KnownDate {
        id: "day",
        legend: html! { (language.choose("Date de naissance", "Date of birth")) },
        hint: Some(("Par exemple 27 3 1985", "For example 27 3 1985")),
        own: false,
        value: [&typed.day, &typed.month, &typed.year],
    };
    let mobile = Input {
        kind: "tel",
        width: "w15",
        ..Input::text(
            "mobile",
            ("Téléphone mobile", "Mobile telephone"),
            Some((
                "Un numéro de test, 06 39 98 suivi de quatre chiffres. Le lien vers le résultat y est envoyé.",
                "A test number, 06 39 98 and four more digits. The link to the result is sent to it.",
            )),
            &typed.mobile,
        )
    };
    let identifier = Input {
        width: "w15",
        ..Input::text(
            "identifier",
            ("Matricule INS", "Identity number (INS)"),
            Some((
                "13 chiffres et la clé, d’une identité de test. Par exemple 285057500123425",
                "13 digits and the key, of a test identity. For example 285057500123425",
            )),
            &typed.identifier,
        )
    };
    html! {
        (Input::text("family_name", ("Nom de naissance", "Family name at birth"), None, &typed.family_name).render(language, wrong))
        (Input::text("given_name", ("Prénom", "Given name"), None, &typed.given_name).render(language, wrong))
        (birth_date.render(language, wrong))
        (Choice { id: "sex", legend: ("Sexe", "Sex"), options: &SEXES, value: &typed.sex }.render(language, wrong))
        (mobile.render(language, wrong))
        (identifier.render(language, wrong))
    }
}

fn test(language: Language, typed: &Typed, wrong: &[Wrong]) -> Markup {
    let text = |id, label, hint, value| Input { width: "w15", ..Input::text(id, label, hint, value) };
    let time = |id, label, value| Input { kind: "datetime-local", ..text(id, label, None, value) };
    let device = text(
        "device",
        ("Dispositif", "Device"),
        Some((
            "Test antigénique\u{a0}: son numéro dans la liste européenne, par exemple 1232. Vide pour une RT-PCR.",
            "Rapid antigen test: its number in the European list, for example 1232. Empty for RT-PCR.",
        )),
        &typed.device,
    );
    html! {
        (Choice { id: "kind", legend: ("Type de test", "Kind of test"), options: &KINDS, value: &typed.kind }.render(language, wrong))
        (device.render(language, wrong))
        (text("sample", ("Numéro de prélèvement", "Sample number"), None, &typed.sample).render(language, wrong))
        (time("sampled_at", ("Heure du prélèvement (heure de Paris)", "Time of sampling (Paris time)"), &typed.sampled_at).render(language, wrong))
        (time("analysed_at", ("Heure du résultat (heure de Paris)", "Time of the result (Paris time)"), &typed.analysed_at).render(language, wrong))
        (Choice { id: "result", legend: ("Résultat", "Result"), options: &OUTCOMES, value: &typed.result }.render(language, wrong))
    }
}
