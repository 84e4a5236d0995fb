//! The certificate as a document for people: one page A4 with the code and what it says, in French and English, as PDF.

use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

use super::code::Code;
use crate::entry::Record;
use crate::language::Language::{English, French};
use crate::words::{kind, outcome};

const TITLE: &str = "Certificat de test COVID-19";
const SUBTITLE: &str = "COVID-19 test certificate";
const WARNING: [&str; 2] = [
    "Modèle de démonstration : données synthétiques, sans aucune valeur.",
    "Demonstration: synthetic data without any value.",
];

/// Width and height of A4, in points.
const PAGE: (f32, f32) = (595.0, 842.0);
const MARGIN: f32 = 62.0;
/// Side of the code, in points: 8 cm.
const CODE: f32 = 227.0;
/// Where the values begin.
const VALUES: f32 = MARGIN + 178.0;
/// From one row to the next.
const ROW: f32 = 35.0;
/// The size of a value's letters, unless it is long.
const LARGEST: f32 = 12.0;
const GREY: f32 = 0.38;
const PLAIN: Name<'_> = Name(b"F1");
const BOLD: Name<'_> = Name(b"F2");
const IMAGE: Name<'_> = Name(b"Im1");

/// The document of a record, whose certificate has this identifier and this code.
pub(super) fn pdf(record: &Record, uvci: &str, code: &Code) -> Option<Vec<u8>> {
    let [catalog, pages, page_id, plain, bold, image_id, content_id, info] =
        [1, 2, 3, 4, 5, 6, 7, 8].map(Ref::new);
    let mut pdf = Pdf::with_capacity(8_192);
    pdf.document_info(info).title(TextStr(TITLE));
    let mut root = pdf.catalog(catalog);
    root.pages(pages).lang(TextStr("fr"));
    root.viewer_preferences().display_doc_title(true);
    root.finish();
    pdf.pages(pages).kids([page_id]).count(1);
    let mut page = pdf.page(page_id);
    page.media_box(Rect::new(0.0, 0.0, PAGE.0, PAGE.1)).parent(pages).contents(content_id);
    let mut resources = page.resources();
    resources.fonts().pair(PLAIN, plain).pair(BOLD, bold);
    resources.x_objects().pair(IMAGE, image_id);
    resources.finish();
    page.finish();
    // Two of the 14 fonts that every reader has.
    for (font, name) in [(plain, &b"Helvetica"[..]), (bold, b"Helvetica-Bold")] {
        pdf.type1_font(font).base_font(Name(name)).encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    let side = i32::try_from(code.side).ok()?;
    let mut image = pdf.image_xobject(image_id, &code.bits);
    image.width(side).height(side).bits_per_component(1).color_space().device_gray();
    image.finish();
    pdf.stream(content_id, &content(record, uvci));
    Some(pdf.finish())
}

fn content(Record { patient, test }: &Record, uvci: &str) -> Vec<u8> {
    let both = |french: &str, english: &str| format!("{french} / {english}");
    let device = test.device.as_deref().unwrap_or("-");
    let rows = [
        ("Nom", "Family name", patient.family_name.clone()),
        ("Prénom", "Given name", patient.given_name.clone()),
        ("Date de naissance", "Date of birth (YYYY-MM-DD)", patient.birth_date.clone()),
        ("Type de test", "Type of test", both(kind(French, test.kind), kind(English, test.kind))),
        ("Code et dispositif", "Code and device", format!("LOINC {}, {device}", test.loinc)),
        ("Prélèvement", "Sample taken", test.sampled_at.replace('T', " ")),
        ("Analyse", "Analysed", test.analysed_at.replace('T', " ")),
        ("Résultat", "Test result", both(outcome(French, test.result), outcome(English, test.result))),
        ("Identifiant du certificat", "Certificate identifier", uvci.to_owned()),
    ];
    let mut page = Content::new();
    let mut baseline = PAGE.1 - MARGIN - 14.0;
    write(&mut page, (MARGIN, baseline), BOLD, 22.0, 0.0, TITLE);
    baseline -= 22.0;
    write(&mut page, (MARGIN, baseline), PLAIN, 14.0, GREY, SUBTITLE);
    baseline -= CODE + 26.0;
    page.save_state().transform([CODE, 0.0, 0.0, CODE, MARGIN, baseline]).x_object(IMAGE).restore_state();
    rule(&mut page, baseline - 22.0);
    baseline -= 40.0;
    for (french, english, value) in &rows {
        let value_font = if *french == "Résultat" { BOLD } else { PLAIN };
        write(&mut page, (MARGIN, baseline), PLAIN, 11.0, 0.0, french);
        write(&mut page, (MARGIN, baseline - 11.5), PLAIN, 8.5, GREY, english);
        write(&mut page, (VALUES, baseline - 3.0), value_font, fitting(value), 0.0, value);
        rule(&mut page, baseline - 18.0);
        baseline -= ROW;
    }
    for (line, text) in [MARGIN + 12.0, MARGIN].into_iter().zip(WARNING) {
        write(&mut page, (MARGIN, line), PLAIN, 9.0, GREY, text);
    }
    page.finish().to_vec()
}

/// The size of letters at which a value ends before the margin: those of the font are 0.58 of their size wide on average.
fn fitting(value: &str) -> f32 {
    let letters = u16::try_from(value.chars().count().max(1)).unwrap_or(u16::MAX);
    LARGEST.min((PAGE.0 - MARGIN - VALUES) / (0.58 * f32::from(letters)))
}

/// Writes a line of text from a point on its baseline.
fn write(page: &mut Content, at: (f32, f32), font: Name<'_>, size: f32, grey: f32, text: &str) {
    page.set_fill_gray(grey).begin_text().set_font(font, size).next_line(at.0, at.1);
    page.show(Str(&encoded(text))).end_text();
}

/// Draws a thin line from margin to margin.
fn rule(page: &mut Content, at: f32) {
    page.set_stroke_gray(0.75).set_line_width(0.5);
    page.move_to(MARGIN, at).line_to(PAGE.0 - MARGIN, at).stroke();
}

/// A text in the fonts' encoding, Windows-1252; a question mark for what it has not.
fn encoded(text: &str) -> Vec<u8> {
    let byte = |letter: char| match letter {
        ' '..='~' | '\u{a0}'..='ÿ' => u8::try_from(u32::from(letter)).unwrap_or(b'?'),
        '’' => 0x92,
        'Š' => 0x8a,
        'Œ' => 0x8c,
        'Ž' => 0x8e,
        'š' => 0x9a,
        'œ' => 0x9c,
        'ž' => 0x9e,
        'Ÿ' => 0x9f,
        _ => b'?',
    };
    text.chars().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_french_names_are_in_the_font() {
        assert_eq!(encoded("Œ’é"), [0x8c, 0x92, 0xe9]);
        assert_eq!(encoded("Ł\u{7f}"), b"??");
    }
}
