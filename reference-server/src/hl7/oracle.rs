//! Our splitter finds what the crate `hl7-parser`, which shares no code with it, finds in the same message.

use hl7_parser::Message;
use proptest::prelude::*;

use super::split::{Segment, Separators, segments};

/// A field: its repetitions, their components, and the parts of those.
type Field = Vec<Vec<Vec<String>>>;

fn field() -> impl Strategy<Value = Field> {
    let part = "[a-zA-Z0-9éÀ .+-]{0,6}";
    let component = prop::collection::vec(part, 1..4);
    prop::collection::vec(prop::collection::vec(component, 1..4), 1..3)
}

fn write(field: &Field) -> String {
    let component = |parts: &Vec<String>| parts.join("&");
    let repetition =
        |components: &Vec<Vec<String>>| components.iter().map(component).collect::<Vec<_>>().join("^");
    field.iter().map(repetition).collect::<Vec<_>>().join("~")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn another_parser_finds_the_same_fields_components_and_parts(
        patient in prop::collection::vec(field(), 1..6),
        order in prop::collection::vec(field(), 1..6),
    ) {
        let line = |name: &str, fields: &[Field]| {
            format!("{name}|{}\r", fields.iter().map(write).collect::<Vec<_>>().join("|"))
        };
        let text = format!("MSH|^~\\&|LGO|PHARM\r{}{}", line("PID", &patient), line("OBR", &order));
        let theirs = Message::parse(text.trim_end_matches('\r')).unwrap();
        let ours: Vec<_> = segments(text.as_bytes())
            .map(|segment| Segment::read(std::str::from_utf8(segment).unwrap(), Separators::USUAL).unwrap())
            .collect();
        prop_assert_eq!(ours.len(), 3);
        for (segment, fields) in ours[1..].iter().zip([&patient, &order]) {
            let name = segment.name();
            let theirs = theirs.segment(name).unwrap();
            for (number, field) in (1..).zip(fields) {
                let (ours, theirs) = (segment.field(number), theirs.field(number).unwrap());
                prop_assert_eq!(ours.raw(), theirs.raw_value());
                for (repeat, (ours, components)) in (1..).zip(ours.repetitions().zip(field)) {
                    let theirs = theirs.repeat(repeat).unwrap();
                    prop_assert_eq!(ours.raw(), theirs.raw_value());
                    for (at, parts) in (1..).zip(components) {
                        let (ours, theirs) = (ours.component(at), theirs.component(at));
                        prop_assert_eq!(ours.raw(), theirs.map_or("", |component| component.raw_value()));
                        for (part, said) in (1..).zip(parts) {
                            let theirs = theirs.and_then(|component| component.subcomponent(part));
                            let ours = ours.subcomponent(part).raw();
                            prop_assert_eq!(ours, theirs.map_or("", |part| part.raw_value()));
                            prop_assert_eq!(ours, said);
                        }
                    }
                }
            }
        }
    }
}
