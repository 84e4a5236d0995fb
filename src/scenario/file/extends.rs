//! A scenario that says only in what it differs from another: `extends = "evening-2022-01-05.toml"`.

use std::io;

use toml::{Table, Value};

use super::place::Place;

/// The longest chain of scenarios of which each extends the next: a circle is longer.
const LONGEST: usize = 8;

/// The table of a scenario, over that of the scenario which it extends, and so on; notes what cannot be read.
pub(super) fn over_base(
    table: Table,
    read: &dyn Fn(&str) -> io::Result<String>,
    place: &Place<'_>,
) -> Option<Table> {
    match merged(table, read) {
        Ok(table) => Some(table),
        Err((problem, hint)) => {
            place.at("extends").wrong(problem, hint);
            None
        }
    }
}

/// The text of a scenario with everything that it extends in it: as written where it extends nothing, else made anew,
/// without comments. A text that [`super::load`] refuses is returned as it is.
pub fn whole(text: &str, read: &dyn Fn(&str) -> io::Result<String>) -> String {
    let Ok(table) = text.parse::<Table>() else { return text.to_owned() };
    let Some(Value::String(base)) = table.get("extends").cloned() else { return text.to_owned() };
    let Ok(mut table) = merged(table, read) else { return text.to_owned() };
    table.remove("extends");
    format!("# Extends {base}; what both say together:\n\n{table}")
}

fn merged(
    mut table: Table,
    read: &dyn Fn(&str) -> io::Result<String>,
) -> Result<Table, (String, &'static str)> {
    let own = table.get("extends").cloned();
    let mut next = own.clone();
    for _ in 0..LONGEST {
        // What is no text is told where the keys are read.
        let Some(Value::String(name)) = next else { return Ok(table) };
        if name.contains('/') {
            let hint = "files that a scenario names are looked for beside it, so both lie in one folder";
            return Err((format!("{name:?} lies in another folder"), hint));
        }
        let hint = "write the name of a scenario beside this one, as in \"evening-2022-01-05.toml\"";
        let text = read(&name).map_err(|error| (format!("cannot read {name:?}: {error}"), hint))?;
        let mut base: Table =
            text.parse().map_err(|error| (format!("{name} is not TOML: {error}"), "mend that file first"))?;
        next = base.remove("extends");
        table = over(base, table);
        table.extend(own.clone().map(|own| ("extends".to_owned(), own)));
    }
    Err(("goes round in a circle, or is a very long chain".to_owned(), "extend a scenario that stands alone"))
}

/// Tables are merged key by key, lists of named tables name by name (new names come last); of anything else the upper
/// one counts.
fn over(mut base: Table, upper: Table) -> Table {
    for (key, value) in upper {
        let value = match (base.remove(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => Value::Table(over(below, above)),
            (Some(Value::Array(below)), Value::Array(above)) if named(&below) && named(&above) => {
                Value::Array(by_name(below, above))
            }
            (_, value) => value,
        };
        base.insert(key, value);
    }
    base
}

fn by_name(mut below: Vec<Value>, above: Vec<Value>) -> Vec<Value> {
    for item in above {
        match (below.iter_mut().find(|other| other.get("name") == item.get("name")), item) {
            (Some(Value::Table(other)), Value::Table(item)) => *other = over(std::mem::take(other), item),
            (_, item) => below.push(item),
        }
    }
    below
}

fn named(items: &[Value]) -> bool {
    items.iter().all(|item| item.get("name").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str) -> io::Result<String> {
        let text = match name {
            "base.toml" => {
                "seed = 1\n[run]\nduration = \"5s\"\nscale = 2.0\n[[population]]\nname = \"a\"\n\
                 arrivals = { rate = \"1/s\" }\n[[population]]\nname = \"b\""
            }
            "middle.toml" => "extends = \"base.toml\"\nseed = 2",
            "round.toml" => "extends = \"round.toml\"",
            _ => return Err(io::ErrorKind::NotFound.into()),
        };
        Ok(text.to_owned())
    }

    fn table(text: &str) -> Table {
        text.parse().unwrap()
    }

    #[test]
    fn what_a_file_says_stands_over_what_it_extends() {
        let text = "extends = \"middle.toml\"\n[run]\nscale = 3.0\n[[population]]\nname = \"c\"\n\
                    [[population]]\nname = \"a\"\nlegitimate = false\narrivals = { rate = \"9/s\" }";
        let whole = whole(text, &read);
        let expected = "seed = 2\n[run]\nduration = \"5s\"\nscale = 3.0\n[[population]]\nname = \"a\"\n\
                        legitimate = false\narrivals = { rate = \"9/s\" }\n[[population]]\nname = \"b\"\n\
                        [[population]]\nname = \"c\"";
        assert_eq!(table(&whole), table(expected), "{whole}");
        assert!(whole.starts_with("# Extends middle.toml"));
    }

    #[test]
    fn a_scenario_that_stands_alone_keeps_its_text() {
        for text in ["seed = 1 # why\n", "not toml at all ["] {
            assert_eq!(whole(text, &read), text);
        }
    }

    #[test]
    fn circles_and_missing_files_are_named() {
        let problem = |text: &str| merged(table(text), &read).unwrap_err().0;
        assert!(problem("extends = \"round.toml\"").contains("circle"));
        assert!(problem("extends = \"none.toml\"").contains("cannot read \"none.toml\""));
        assert!(problem("extends = \"../base.toml\"").contains("another folder"));
    }
}
