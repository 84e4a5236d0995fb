//! The certificate as a document for people: one page A4 with the code and what it says, as PDF.

use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

use super::code::Code;
use super::{kind, outcome};
use crate::entry::Record;

const TITLE: &str = "Certificat de résultat de test";

/// Width and height of A4, in points.
const PAGE: (f32, f32) = (595.0, 842.0);
const MARGIN: f32 = 72.0;
/// Side of the code, in points: 8 cm.
const CODE: f32 = 227.0;
const LEADING: f32 = 18.0;
const FONT: Name<'_> = Name(b"F1");
const IMAGE: Name<'_> = Name(b"Im1");

/// The document of a record, whose certificate has this identifier and this code.
pub(super) fn pdf(record: &Record, uvci: &str, code: &Code) -> Option<Vec<u8>> {
    let [catalog, pages, page_id, font, image_id, content_id, info] = [1, 2, 3, 4, 5, 6, 7].map(Ref::new);
    let mut pdf = Pdf::with_capacity(8_192);
    pdf.document_info(info).title(TextStr(TITLE));
    pdf.catalog(catalog).pages(pages).lang(TextStr("fr"));
    pdf.pages(pages).kids([page_id]).count(1);
    let mut page = pdf.page(page_id);
    page.media_box(Rect::new(0.0, 0.0, PAGE.0, PAGE.1)).parent(pages).contents(content_id);
    let mut resources = page.resources();
    resources.fonts().pair(FONT, font);
    resources.x_objects().pair(IMAGE, image_id);
    resources.finish();
    page.finish();
    // One of the 14 fonts that every reader has.
    pdf.type1_font(font).base_font(Name(b"Helvetica")).encoding_predefined(Name(b"WinAnsiEncoding"));
    let side = i32::try_from(code.side).ok()?;
    let mut image = pdf.image_xobject(image_id, &code.bits);
    image.width(side).height(side).bits_per_component(1).color_space().device_gray();
    image.finish();
    pdf.stream(content_id, &content(record, uvci));
    Some(pdf.finish())
}

fn content(Record { patient, test }: &Record, uvci: &str) -> Vec<u8> {
    let device = test.device.as_deref().unwrap_or("-");
    let lines = [
        "Modèle de démonstration : données synthétiques, sans valeur.".to_owned(),
        String::new(),
        format!("Nom : {}", patient.family_name),
        format!("Prénom : {}", patient.given_name),
        format!("Date de naissance : {}", patient.birth_date),
        String::new(),
        format!("Test : {} (LOINC {}, dispositif {device})", kind(test.kind), test.loinc),
        format!("Prélèvement : {}", test.sampled_at),
        format!("Analyse : {}", test.analysed_at),
        format!("Résultat : {}", outcome(test.result)),
        String::new(),
        format!("Certificat : {uvci}"),
    ];
    let mut content = Content::new();
    content.begin_text().set_font(FONT, 20.0).next_line(MARGIN, PAGE.1 - MARGIN);
    content.show(Str(&encoded(TITLE))).set_font(FONT, 11.0).next_line(0.0, -LEADING);
    for line in &lines {
        content.next_line(0.0, -LEADING).show(Str(&encoded(line)));
    }
    content.end_text();
    let bottom = PAGE.1 - MARGIN - LEADING * 15.0 - CODE;
    content.save_state().transform([CODE, 0.0, 0.0, CODE, MARGIN, bottom]).x_object(IMAGE).restore_state();
    content.finish().to_vec()
}

/// A text in the font's encoding, Windows-1252; a question mark for what it has not.
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
