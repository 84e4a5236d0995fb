//! Names in capitals A to Z and `<`, as machine-readable travel documents write them (ICAO Doc 9303 part 3, section 6).

/// Longest name that the schema lets through, in characters.
const LONGEST: usize = 80;

/// A name transliterated: letters A to Z; a space or a hyphen becomes `<`, apostrophes and full stops go, and so do
/// letters for which the tables have nothing. At most 80 characters.
pub(super) fn transliterate(name: &str) -> String {
    let mut written = String::with_capacity(name.len());
    for letter in name.chars().flat_map(char::to_uppercase) {
        match letter {
            'A'..='Z' => written.push(letter),
            ' ' | '-' | '\u{2010}' | '\u{2011}' | ',' if !written.is_empty() && !written.ends_with('<') => {
                written.push('<');
            }
            other => written.push_str(latin(other).or_else(|| cyrillic(other)).unwrap_or_default()),
        }
    }
    written.truncate(LONGEST);
    written.truncate(written.trim_end_matches('<').len());
    written
}

/// Table A: national characters of Latin scripts. Where it allows several, the first one without `X`.
fn latin(letter: char) -> Option<&'static str> {
    Some(match letter {
        'À' | 'Á' | 'Â' | 'Ã' | 'Ā' | 'Ă' | 'Ą' => "A",
        'Ä' | 'Æ' => "AE",
        'Å' => "AA",
        'Ç' | 'Ć' | 'Ĉ' | 'Ċ' | 'Č' => "C",
        'Ð' | 'Ď' | 'Đ' => "D",
        'È' | 'É' | 'Ê' | 'Ë' | 'Ē' | 'Ĕ' | 'Ė' | 'Ę' | 'Ě' => "E",
        'Ĝ' | 'Ğ' | 'Ġ' | 'Ģ' => "G",
        'Ĥ' | 'Ħ' => "H",
        'Ì' | 'Í' | 'Î' | 'Ï' | 'Ĩ' | 'Ī' | 'Ĭ' | 'Į' | 'İ' => "I",
        'Ĳ' => "IJ",
        'Ĵ' => "J",
        'Ķ' => "K",
        'Ĺ' | 'Ļ' | 'Ľ' | 'Ŀ' | 'Ł' => "L",
        'Ñ' | 'Ń' | 'Ņ' | 'Ň' | 'Ŋ' => "N",
        'Ò' | 'Ó' | 'Ô' | 'Õ' | 'Ō' | 'Ŏ' | 'Ő' => "O",
        'Ö' | 'Ø' | 'Œ' => "OE",
        'Ŕ' | 'Ŗ' | 'Ř' => "R",
        'Ś' | 'Ŝ' | 'Ş' | 'Š' | 'Ș' => "S",
        'ẞ' => "SS",
        'Ţ' | 'Ť' | 'Ŧ' | 'Ț' => "T",
        'Þ' => "TH",
        'Ù' | 'Ú' | 'Û' | 'Ũ' | 'Ū' | 'Ŭ' | 'Ů' | 'Ű' | 'Ų' => "U",
        'Ü' => "UE",
        'Ŵ' => "W",
        'Ý' | 'Ŷ' | 'Ÿ' => "Y",
        'Ź' | 'Ż' | 'Ž' => "Z",
        _ => return None,
    })
}

/// Table B: Cyrillic, as in Russian and, where nothing else is needed, its neighbours.
fn cyrillic(letter: char) -> Option<&'static str> {
    Some(match letter {
        'А' => "A",
        'Б' => "B",
        'В' => "V",
        'Г' | 'Ґ' => "G",
        'Д' => "D",
        'Е' | 'Ё' | 'Э' => "E",
        'Ж' => "ZH",
        'З' => "Z",
        'И' | 'Й' | 'І' | 'Ї' => "I",
        'Ы' => "Y",
        'Ј' => "J",
        'К' => "K",
        'Л' => "L",
        'М' => "M",
        'Н' => "N",
        'О' => "O",
        'П' => "P",
        'Р' => "R",
        'С' => "S",
        'Т' => "T",
        'У' => "U",
        'Ф' => "F",
        'Х' => "KH",
        'Ц' => "TS",
        'Ч' => "CH",
        'Ш' => "SH",
        'Щ' => "SHCH",
        'Ъ' | 'Є' => "IE",
        'Ю' => "IU",
        'Я' => "IA",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::entry::is_letter;

    #[test]
    fn names_are_written_as_on_a_passport() {
        for (name, written) in [
            ("Musterfrau-Gößinger", "MUSTERFRAU<GOESSINGER"),
            ("Lövström", "LOEVSTROEM"),
            ("d'Arsøns - van Halen", "DARSOENS<VAN<HALEN"),
            ("Lefèvre de la Vallée", "LEFEVRE<DE<LA<VALLEE"),
            ("O’Brien", "OBRIEN"),
            ("Łukasz Ångström", "LUKASZ<AANGSTROEM"),
            ("Мария Щукина", "MARIIA<SHCHUKINA"),
            ("-", ""),
        ] {
            assert_eq!(transliterate(name), written);
        }
    }

    #[test]
    fn every_letter_that_a_name_may_have_is_written() {
        let letters: Vec<char> = ('\0'..='\u{1eff}').filter(|letter| is_letter(*letter)).collect();
        assert!(letters.len() > 300);
        for letter in letters {
            // A soft sign softens the letter before it, and is not written.
            let written = !transliterate(&letter.to_string()).is_empty() || "Ьь".contains(letter);
            assert!(letter.is_alphabetic() && written, "{letter}");
        }
    }

    proptest! {
        #[test]
        fn whatever_the_name_the_schema_takes_it(name in "\\PC{0,90}") {
            let written = transliterate(&name);
            prop_assert!(written.len() <= LONGEST);
            prop_assert!(written.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'<'));
            prop_assert_eq!(transliterate(&written.replace('<', " ")), written);
        }
    }
}
