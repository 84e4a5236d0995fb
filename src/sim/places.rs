//! Whose place in a waiting room a request asks for: the link's in its path, as far as a template tells.

use crate::journey::Journey;
use crate::rng::Key;
use crate::scenario::{Scenario, ServerModel, Template};

/// Whose a place is, by the template of the path that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Always the same: no variable is in it.
    Fixed(u64),
    /// The link's of the entry that the journey is about: whoever comes back to it comes back to its place.
    Subject,
    /// Another one in every request, as links that are guessed.
    Request,
}

impl Place {
    /// Of a path.
    pub(super) fn of(path: &Template) -> Self {
        let mut variables = path.variables().peekable();
        if variables.peek().is_none() {
            return Self::Fixed(from_one(Key::root(0).word(&path.to_string())));
        }
        if variables.any(|name| name == "random") { Self::Request } else { Self::Subject }
    }

    /// The number of the place, from 1 on.
    pub(super) fn number(self, who: &Journey) -> u64 {
        match self {
            Self::Fixed(number) => number,
            Self::Subject => {
                let subject = who.arrival().subject;
                let key = Key::root(u64::from(subject.population)).with(subject.journey);
                from_one(key.with(u64::from(subject.item)))
            }
            Self::Request => from_one(who.key()),
        }
    }
}

/// Steps that show cookies to a waiting room, in words: the simulation shows none, which may be a pass or a session.
pub(super) fn cookies(scenario: &Scenario, model: &ServerModel) -> Vec<String> {
    let mut found = Vec::new();
    for population in &scenario.populations {
        for step in &population.steps {
            let class = model.class(&step.class);
            let waits = class.is_some_and(|class| model.rooms.iter().any(|room| room.before == class));
            if waits && step.request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("cookie")) {
                let (population, step) = (&population.name, &step.name);
                found.push(format!("the cookies that {population} shows to a waiting room in step {step}"));
            }
        }
    }
    found
}

fn from_one(key: Key) -> u64 {
    key.bits().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::example;
    use crate::scenario::server_model::{ClassModel, PlaceOf, RoomModel, StationModel};
    use crate::scenario::{Law, Work};
    use crate::units::Span;

    fn place(path: &str) -> Place {
        Place::of(&Template::parse(path).unwrap())
    }

    #[test]
    fn a_place_is_the_links_as_far_as_its_template_tells() {
        assert_eq!(place("/p/${link}"), Place::Subject);
        assert_eq!(place("/p/61dc7f80${random}${random}"), Place::Request);
        assert!(matches!(place("/p/a"), Place::Fixed(1..)));
        assert_ne!(place("/p/a"), place("/p/b"));
    }

    #[test]
    fn cookies_for_a_waiting_room_are_named() {
        let nothing = Work::Law(Law::Constant(Span::ZERO));
        let room = RoomModel {
            before: 0,
            shown: 1,
            place: PlaceOf::Link,
            rate: 1.0,
            places: 1,
            poll: Span::from_secs(1),
        };
        let model = ServerModel {
            stations: vec![StationModel::new("slots", None)],
            classes: vec![ClassModel::new("s", 0, nothing.clone()), ClassModel::new("room", 0, nothing)],
            rooms: vec![room],
            ..ServerModel::default()
        };
        let mut scenario = example::scenario(vec![example::population("p", vec![example::step("s")])]);
        assert!(cookies(&scenario, &model).is_empty());
        let headers = &mut scenario.populations[0].steps[0].request.headers;
        headers.push(("Cookie".to_owned(), Template::parse("pass=${pass}").unwrap()));
        assert_eq!(cookies(&scenario, &model), ["the cookies that p shows to a waiting room in step s"]);
    }
}
