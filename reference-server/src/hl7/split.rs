//! Splits HL7 v2 text into messages, segments, fields and their parts without copying; only escapes are copied.

use std::borrow::Cow;

/// The characters that separate, as MSH-1 and MSH-2 of a message declare them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Separators {
    pub(crate) field: char,
    pub(crate) component: char,
    pub(crate) repetition: char,
    pub(crate) escape: char,
    pub(crate) subcomponent: char,
}

impl Separators {
    /// Those that the standard recommends: `|^~\&`.
    pub(crate) const USUAL: Separators =
        Separators { field: '|', component: '^', repetition: '~', escape: '\\', subcomponent: '&' };

    /// Reads those of a header segment (MSH, FHS, BHS); `None` unless they are five different punctuation characters.
    pub(crate) fn of(header: &str) -> Option<Separators> {
        let mut chars = header.get(3..)?.chars();
        // Times, codes and the null of HL7 are written with these.
        let usable = |letter: &char| letter.is_ascii_punctuation() && !"+-._\"".contains(*letter);
        let mut next = || chars.next().filter(usable);
        let (field, component, repetition) = (next()?, next()?, next()?);
        let separators = Separators { field, component, repetition, escape: next()?, subcomponent: next()? };
        let all = separators.all();
        let different = (1..all.len()).all(|at| !all[..at].contains(&all[at]));
        (different && chars.next().is_none_or(|after| after == field)).then_some(separators)
    }

    fn all(self) -> [char; 5] {
        [self.field, self.component, self.repetition, self.escape, self.subcomponent]
    }

    /// `text` so that no character of it separates or ends a segment.
    pub(crate) fn escape(self, text: &str) -> String {
        let mut escaped = String::with_capacity(text.len());
        for letter in text.chars() {
            match self.all().iter().position(|separator| *separator == letter) {
                Some(at) => escaped.extend([self.escape, ['F', 'S', 'R', 'E', 'T'][at], self.escape]),
                None if letter.is_control() => escaped.push(' '),
                None => escaped.push(letter),
            }
        }
        escaped
    }

    /// What an escaped text says. An escape that is not known stays as it is.
    pub(crate) fn unescape(self, text: &str) -> Cow<'_, str> {
        if !text.contains(self.escape) {
            return Cow::Borrowed(text);
        }
        let mut plain = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(self.escape) {
            plain.push_str(before);
            let known = after.split_once(self.escape).and_then(|(code, after)| {
                let letter = match code {
                    "F" => self.field,
                    "S" => self.component,
                    "R" => self.repetition,
                    "E" => self.escape,
                    "T" => self.subcomponent,
                    _ => return None,
                };
                Some((letter, after))
            });
            match known {
                Some((letter, after)) => {
                    plain.push(letter);
                    rest = after;
                }
                None => {
                    plain.push(self.escape);
                    rest = after;
                }
            }
        }
        plain.push_str(rest);
        Cow::Owned(plain)
    }
}

/// The segments of a text. They end with CR; LF and CR LF are tolerated, and so is the frame of MLLP.
pub(crate) fn segments(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = |byte: &u8| matches!(byte, b'\r' | b'\n' | 0x0b | 0x1c);
    text.split(ends).filter(|segment| !segment.is_empty())
}

/// Whether a body is a batch: it has an envelope, or more than one message.
pub(crate) fn is_batch(body: &[u8]) -> bool {
    let mut segments = segments(body);
    let enveloped =
        segments.next().is_some_and(|first| first.starts_with(b"FHS") || first.starts_with(b"BHS"));
    enveloped || segments.any(|segment| segment.starts_with(b"MSH"))
}

/// A segment of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment<'a> {
    text: &'a str,
    separators: Separators,
}

impl<'a> Segment<'a> {
    /// `None` unless a name of three letters or digits comes first.
    pub(crate) fn read(text: &'a str, separators: Separators) -> Option<Segment<'a>> {
        let (name, rest) = text.split_at_checked(3)?;
        let named = name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        let ended = rest.is_empty() || rest.starts_with(separators.field);
        (named && ended).then_some(Segment { text, separators })
    }

    pub(crate) fn name(self) -> &'a str {
        &self.text[..3]
    }

    /// The field of this number, as the standard counts; empty if there is none. MSH-1 is not a field here.
    pub(crate) fn field(self, number: usize) -> Part<'a> {
        // The first separator of a header is its field 1.
        let skipped = usize::from(matches!(self.name(), "MSH" | "FHS" | "BHS"));
        let text = self.text.split(self.separators.field).nth(number - skipped).unwrap_or_default();
        Part { text, separators: self.separators }
    }
}

/// A field, a repetition, a component or a part of one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    text: &'a str,
    separators: Separators,
}

impl<'a> Part<'a> {
    pub(crate) fn repetitions(self) -> impl Iterator<Item = Part<'a>> {
        self.text.split(self.separators.repetition).map(move |text| Part { text, ..self })
    }

    /// The component of this number, from 1; of a field with repetitions, that of the first.
    pub(crate) fn component(self, number: usize) -> Part<'a> {
        let first = self.text.split(self.separators.repetition).next().unwrap_or_default();
        Part { text: first.split(self.separators.component).nth(number - 1).unwrap_or_default(), ..self }
    }

    /// The subcomponent of this number, from 1.
    pub(crate) fn subcomponent(self, number: usize) -> Part<'a> {
        let text = self.text.split(self.separators.subcomponent).nth(number - 1).unwrap_or_default();
        Part { text, ..self }
    }

    /// As it is written, escapes and all.
    pub(crate) fn raw(self) -> &'a str {
        self.text
    }

    /// What it says; `None` if it is empty or the null of HL7 (`""`).
    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        match self.text {
            "" | "\"\"" => None,
            text => Some(self.separators.unescape(text)),
        }
    }

    /// Whether it says exactly this.
    pub(crate) fn is(self, expected: &str) -> bool {
        self.text().as_deref() == Some(expected)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_separators_are_those_of_the_header() {
        assert_eq!(Separators::of("MSH|^~\\&|A"), Some(Separators::USUAL));
        let other = Separators::of("MSH#*~!/#A").unwrap();
        let segment = Segment::read("PID#1##a*b/c~d", other).unwrap();
        assert_eq!(segment.field(3).component(2).subcomponent(2).raw(), "c");
        assert_eq!(segment.field(3).repetitions().count(), 2);
        for wrong in [
            "",
            "MSH",
            "MSH|",
            "MSH|^~\\",
            "MSH|^~\\^|",
            "MSHabcde",
            "MSH|^~\\&x",
            "MSH|^~\\é|",
            "MSH-^~\\&-",
        ] {
            assert_eq!(Separators::of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn fields_are_counted_as_the_standard_does() {
        let header = Segment::read("MSH|^~\\&|LGO^x|PHARM", Separators::USUAL).unwrap();
        assert_eq!((header.field(2).raw(), header.field(3).component(1).raw()), ("^~\\&", "LGO"));
        let patient = Segment::read("PID|1||\"\"", Separators::USUAL).unwrap();
        assert_eq!(patient.field(1).raw(), "1");
        assert_eq!(patient.field(3).text(), None);
        assert_eq!(patient.field(99).raw(), "");
    }

    #[test]
    fn any_end_of_a_segment_will_do() {
        for text in ["MSH|\rPID|1\r", "MSH|\nPID|1", "MSH|\r\nPID|1\r\n", "\u{b}MSH|\rPID|1\r\u{1c}\r"] {
            assert_eq!(segments(text.as_bytes()).collect::<Vec<_>>(), [&b"MSH|"[..], b"PID|1"], "{text:?}");
            assert!(!is_batch(text.as_bytes()));
        }
        assert!(is_batch(b"FHS|\rBHS|\r") && is_batch(b"BHS|") && is_batch(b"MSH|\rPID|\rMSH|"));
    }

    proptest! {
        #[test]
        fn what_was_escaped_reads_back(text in "[^\\pC]{0,40}") {
            let escaped = Separators::USUAL.escape(&text);
            prop_assert!(!escaped.contains(['|', '^', '~', '&', '\r']));
            prop_assert_eq!(Separators::USUAL.unescape(&escaped), text);
        }

        #[test]
        fn fields_joined_again_are_the_segment(fields in prop::collection::vec("[a-z^~&\\\\]{0,8}", 0..20)) {
            let text = std::iter::once("PID").chain(fields.iter().map(String::as_str)).collect::<Vec<_>>().join("|");
            let segment = Segment::read(&text, Separators::USUAL).unwrap();
            for (index, field) in fields.iter().enumerate() {
                prop_assert_eq!(segment.field(index + 1).raw(), field);
                let repetitions: Vec<_> = segment.field(index + 1).repetitions().map(Part::raw).collect();
                prop_assert_eq!(&repetitions.join("~"), field);
            }
        }

        #[test]
        fn any_text_is_split_without_a_panic(text in "\\PC{0,60}") {
            let _ = Separators::of(&text);
            let _ = Separators::USUAL.unescape(&text);
            if let Some(segment) = Segment::read(&text, Separators::USUAL) {
                let _ = segment.field(2).component(2).subcomponent(2).text();
            }
        }
    }
}
