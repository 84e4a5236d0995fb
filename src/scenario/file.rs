//! From the text of a scenario file to a sound [`Scenario`], or to everything that is wrong with it.
//!
//! `shape` mirrors the file table by table (it is also the JSON Schema), `key` and `place` collect what is wrong in
//! single values, and the files named after parts of the model put them together and check what hangs together.
//! Files that a scenario names are read through a closure: nothing here knows where a scenario lies.

mod arrivals;
mod curves;
mod extends;
mod feeders;
mod incidents;
mod key;
mod laws;
mod leaf;
mod place;
mod population;
mod problem;
pub mod queueing;
mod references;
mod root;
mod run;
mod server;
mod shape;
mod step;
#[cfg(test)]
mod tests;

use std::io;

pub use self::extends::whole;
use self::place::{Notes, Place};
pub use self::problem::{Problem, Problems};
use super::{Expect, Origin, Scenario, ServerEntry, ServerModel, Setting};

/// What a scenario may refer to beyond its own text.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Reads a file that the scenario names, relative to the scenario.
    pub read: &'a dyn Fn(&str) -> io::Result<String>,
    /// Names of the values that templates may use, beside what the journey keeps.
    pub values: &'a [&'a str],
    /// Names of the generators of bodies.
    pub generators: &'a [&'a str],
}

/// A value that stands above the file's.
#[derive(Debug, Clone, PartialEq)]
pub struct Override {
    /// Key path, through tables only: `run.time_warp`, `seed`.
    pub path: &'static str,
    /// The value: a number for keys that are numbers, else the text as in the file.
    pub value: toml::Value,
    /// Flag or environment.
    pub origin: Origin,
    /// The flag or variable as users know it: `--time-warp`; problems name it.
    pub source: String,
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("values", &self.values)
            .field("generators", &self.generators)
            .finish_non_exhaustive()
    }
}

/// Reads a scenario.
///
/// # Errors
/// Everything that is wrong with it, each with its key path and a hint.
pub fn load(text: &str, name: &str, context: &Context<'_>) -> Result<Scenario, Problems> {
    load_with_settings(text, name, context).map(|(scenario, _)| scenario)
}

/// Reads a scenario, and says of every value where it came from.
///
/// # Errors
/// As [`load`].
pub fn load_with_settings(
    text: &str,
    name: &str,
    context: &Context<'_>,
) -> Result<(Scenario, Vec<Setting>), Problems> {
    load_over(text, name, context, &[])
}

/// Reads a scenario with what the environment and the flags say in the place of what the file says; of two values of
/// the same path the later one counts.
///
/// # Errors
/// As [`load`]; a problem of such a value names its flag or variable.
pub fn load_over(
    text: &str,
    name: &str,
    context: &Context<'_>,
    overrides: &[Override],
) -> Result<(Scenario, Vec<Setting>), Problems> {
    let notes = Notes::new(overrides);
    let scenario = root::read(text, name, context, overrides, &Place::root(&notes));
    let (list, settings) = notes.into_parts();
    match scenario {
        Some(scenario) if list.is_empty() => Ok((scenario, settings)),
        _ => Err(Problems { scenario: name.to_owned(), list }),
    }
}

/// A server configuration that is no part of a scenario (`--server FILE`), expected to hold.
///
/// # Errors
/// Everything that is wrong with it.
pub fn server(name: &str, config: String) -> Result<ServerEntry, Problems> {
    let notes = Notes::new(&[]);
    root::check_config(name, &config, &Place::root(&notes));
    match notes.into_parts().0 {
        list if list.is_empty() => {
            Ok(ServerEntry { name: name.to_owned(), expect: Expect::Hold, config, model: None })
        }
        list => Err(Problems { scenario: name.to_owned(), list }),
    }
}

/// A model of a server that is no part of a scenario (`--model FILE`), expected to hold; `read` reads what it names.
///
/// # Errors
/// Everything that is wrong with it.
pub fn server_model(
    name: &str,
    text: String,
    read: &dyn Fn(&str) -> io::Result<String>,
) -> Result<ServerEntry, Problems> {
    let model = model_of(name, &text, read)?;
    Ok(ServerEntry { name: name.to_owned(), expect: Expect::Hold, config: text, model: Some(model) })
}

fn model_of(
    name: &str,
    text: &str,
    read: &dyn Fn(&str) -> io::Result<String>,
) -> Result<ServerModel, Problems> {
    let notes = Notes::new(&[]);
    let model = server::model(name, text, &Place::root(&notes), read);
    match (model, notes.into_parts().0) {
        (Some(model), list) if list.is_empty() => Ok(model),
        (_, list) => Err(Problems { scenario: name.to_owned(), list }),
    }
}

/// The JSON Schema of the file of a server model.
pub fn model_schema() -> serde_json::Value {
    let settings = schemars::generate::SchemaSettings::default().with_transform(without_null);
    settings.into_generator().into_root_schema_for::<server::ModelTable>().to_value()
}

/// The JSON Schema of a scenario file.
pub fn schema() -> serde_json::Value {
    let settings = schemars::generate::SchemaSettings::default().with_transform(without_null);
    settings.into_generator().into_root_schema_for::<shape::ScenarioTable>().to_value()
}

/// TOML has no null: what may be absent is only not required.
fn without_null(schema: &mut schemars::Schema) {
    schemars::transform::transform_subschemas(&mut without_null, schema);
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(serde_json::Value::Array(types)) = object.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(serde_json::Value::Array(any)) = object.get_mut("anyOf") {
        any.retain(|schema| schema.get("type").is_none_or(|kind| kind != "null"));
        if let [only] = any.as_slice() {
            let only = only.clone();
            object.remove("anyOf");
            if let serde_json::Value::Object(only) = only {
                object.extend(only.into_iter().filter(|(key, _)| key != "description"));
            }
        }
    }
    if let Some(serde_json::Value::Array(words)) = object.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
}
