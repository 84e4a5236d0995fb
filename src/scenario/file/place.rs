//! Where in the file we are: problems and settings are noted with the path that leads there.

use std::cell::RefCell;
use std::fmt::Display;

use super::Override;
use super::key::{Found, Key, List, Map, Read, Wrong};
use super::problem::Problem;
use crate::scenario::setting::{Origin, Setting};

/// What was noted while a file was read.
#[derive(Debug)]
pub(super) struct Notes<'o> {
    problems: RefCell<Vec<Problem>>,
    settings: RefCell<Vec<Setting>>,
    /// The names of places: of `population[2]`, `patient`. They are known only after the place was opened.
    names: RefCell<Vec<(String, String)>>,
    overrides: &'o [Override],
}

impl<'o> Notes<'o> {
    pub(super) fn new(overrides: &'o [Override]) -> Self {
        // A flag is named as the place of what it says, so that a problem leads to the flag.
        let names = overrides.iter().map(|over| (over.path.to_owned(), over.source.clone())).collect();
        Self {
            problems: RefCell::default(),
            settings: RefCell::default(),
            names: RefCell::new(names),
            overrides,
        }
    }

    /// All problems, each with the names on the way to it, and all values.
    pub(super) fn into_parts(self) -> (Vec<Problem>, Vec<Setting>) {
        let names = self.names.into_inner();
        let mut problems = self.problems.into_inner();
        for problem in &mut problems {
            let above = |place: &str| {
                problem
                    .path
                    .strip_prefix(place)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            };
            problem.names =
                names.iter().filter(|(place, _)| above(place)).map(|(_, name)| name.clone()).collect();
        }
        (problems, self.settings.into_inner())
    }
}

/// A place in the file.
#[derive(Debug, Clone)]
pub(super) struct Place<'a> {
    notes: &'a Notes<'a>,
    path: String,
}

impl<'a> Place<'a> {
    /// The whole file.
    pub(super) fn root(notes: &'a Notes<'a>) -> Self {
        Self { notes, path: String::new() }
    }

    /// The place of a key below this one.
    pub(super) fn at(&self, key: &str) -> Self {
        let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
        let key = if bare { key.to_owned() } else { format!("{key:?}") };
        let path = if self.path.is_empty() { key } else { format!("{}.{key}", self.path) };
        Self { notes: self.notes, path }
    }

    fn item(&self, index: usize) -> Self {
        Self { notes: self.notes, path: format!("{}[{index}]", self.path) }
    }

    /// Notes the name of what is here.
    pub(super) fn named(&self, name: &str) {
        if !name.is_empty() {
            self.notes.names.borrow_mut().push((self.path.clone(), name.to_owned()));
        }
    }

    /// Notes a problem here.
    pub(super) fn wrong(&self, problem: impl Into<String>, hint: impl Into<String>) {
        self.notes.problems.borrow_mut().push(Problem {
            path: self.path.clone(),
            names: Vec::new(),
            problem: problem.into(),
            hint: hint.into(),
        });
    }

    /// The value of a key that must be there.
    pub(super) fn need<T>(&self, key: &str, found: Key<T>) -> Option<T> {
        self.at(key).open(found)
    }

    /// The value of a key that may be absent.
    pub(super) fn take<T>(&self, key: &str, found: Option<Key<T>>) -> Option<T> {
        self.at(key).open(found?)
    }

    /// The value of a key that may be absent, which means what `absent` says.
    pub(super) fn take_or<T>(&self, key: &str, found: Option<Key<T>>, absent: &str) -> Option<T> {
        if found.is_none() {
            self.at(key).set(absent.to_owned(), Origin::Default);
        }
        self.take(key, found)
    }

    /// The value of a key that has a default.
    pub(super) fn or<T: Display>(&self, key: &str, found: Option<Key<T>>, default: T) -> T {
        match found {
            Some(found) => self.need(key, found).unwrap_or(default),
            None => {
                self.at(key).set(default.to_string(), Origin::Default);
                default
            }
        }
    }

    /// The readable items of a list, each with its place.
    pub(super) fn list<T: Read>(&self, key: &str, found: Option<List<T>>) -> Vec<(Place<'a>, T)> {
        let place = self.at(key);
        let items = self.take(key, found).unwrap_or_default().into_iter().enumerate();
        let open = |(index, item)| {
            let place = place.item(index);
            let value = place.open(item)?;
            Some((place, value))
        };
        items.filter_map(open).collect()
    }

    /// The readable items of a table with free keys, each with its key and place.
    pub(super) fn map<T: Read>(&self, key: &str, found: Option<Map<T>>) -> Vec<(String, Place<'a>, T)> {
        let place = self.at(key);
        let items = self.take(key, found).unwrap_or_default().into_iter();
        let open = |(key, item): (String, Key<T>)| {
            let place = place.at(&key);
            let value = place.open(item)?;
            Some((key, place, value))
        };
        items.filter_map(open).collect()
    }

    /// Whether exactly one of these keys is there; notes it otherwise.
    pub(super) fn one_of(&self, keys: &[(&str, bool)]) -> bool {
        let quoted =
            |keys: Vec<&str>| keys.iter().map(|key| format!("{key:?}")).collect::<Vec<_>>().join(", ");
        let all = || format!("write exactly one of {}", quoted(keys.iter().map(|(key, _)| *key).collect()));
        let given: Vec<&str> = keys.iter().filter(|(_, given)| *given).map(|(key, _)| *key).collect();
        match given.as_slice() {
            [_] => true,
            [] => {
                self.wrong("does not say what it is", all());
                false
            }
            _ => {
                self.wrong(format!("{} exclude one another", quoted(given)), all());
                false
            }
        }
    }

    /// What was read here; notes what is wrong with it.
    pub(super) fn open<T>(&self, found: Key<T>) -> Option<T> {
        match found {
            Key::Missing => {
                self.wrong("is missing", "");
                None
            }
            Key::Wrong(Wrong { problem, hint }) => {
                self.wrong(problem, hint);
                None
            }
            Key::Read(Found { value, written, unknown }) => {
                for (key, hint) in unknown {
                    self.at(&key).wrong("there is no such key", hint);
                }
                if let Some(written) = written {
                    self.set(written, Origin::File);
                }
                Some(value)
            }
        }
    }

    fn set(&self, value: String, origin: Origin) {
        let over = self.notes.overrides.iter().rfind(|over| over.path == self.path);
        let origin = over.map_or(origin, |over| over.origin);
        self.notes.settings.borrow_mut().push(Setting { path: self.path.clone(), value, origin });
    }
}
