//! Incidents as written, and what is said of those that cannot be.

use super::super::{Context, load};
use crate::scenario::{IncidentKind, Scenario};
use crate::units::Span;

fn scenario(incidents: &str) -> Result<Scenario, Vec<String>> {
    let text = format!(
        r#"
        about = "incidents"
        [run]
        window = "18:00-20:00"
        time_warp = 60
        [[population]]
        name = "visitor"
        arrivals = {{ rate = "5/s" }}
        timeout = "2s"
          [[population.step]]
          name = "home"
          get = "/"
        [[server]]
        name = "small"
        config = "small.toml"
        {incidents}"#
    );
    let read = |_: &str| Ok("[slots]\nworkers = 4\n".to_owned());
    load(&text, "t", &Context { read: &read, values: &[], generators: &[] })
        .map_err(|problems| problems.list.iter().map(ToString::to_string).collect())
}

#[test]
fn every_kind_is_read_and_told_in_words() {
    let read = scenario(
        r#"
        [[incident]]
        kind = "server-killed"
        at = "19:30"
        back_after = "5s"
        [[incident]]
        kind = "population-starts"
        population = "visitor"
        at = "18:30"
        lasts = "1h"
        [[incident]]
        kind = "issuer-down"
        at = "18:40"
        until = "18:50"
        [[incident]]
        kind = "issuer-slow"
        at = "18:50"
        delay = "2s"
        [[incident]]
        kind = "store-slow"
        at = "19:00"
        until = "19:10"
        commit = "50ms"
        read = "10ms""#,
    )
    .unwrap();
    let told: Vec<String> =
        read.incidents.iter().map(|incident| format!("{} {}", incident.at, incident.kind)).collect();
    let expected = [
        "18:30 visitor: begins to come",
        "18:40 the issuer is down",
        "18:50 the issuer takes 2s longer",
        "19:00 the store takes 50ms longer for each commit, 10ms for each read",
        "19:30 the server is killed, and started again after 5s",
    ];
    assert_eq!(told, expected);
    assert_eq!(read.incidents[4].kind, IncidentKind::ServerKilled { back_after: Span::from_secs(5) });
    assert_eq!(read.incidents[0].until, Some("19:30".parse().unwrap()));
    assert!(!read.populations[0].presence.at(0), "who starts was not there before");
}

#[test]
fn every_wrong_incident_is_named_with_its_place_and_a_hint() {
    let cases = [
        (
            "kind = \"server-kild\"\nat = \"19:00\"",
            r#"incident[0].kind: "server-kild" is not among the words"#,
        ),
        (r#"kind = "issuer-down""#, "incident[0].at: is missing"),
        (
            "kind = \"population-starts\"\nat = \"19:00\"",
            "incident[0].population (population-starts): is missing",
        ),
        (
            "kind = \"population-stops\"\nat = \"19:00\"\npopulation = \"visitr\"",
            r#"there is no population "visitr"; did you mean "visitor"?"#,
        ),
        ("kind = \"server-killed\"\nat = \"19:00\"", "back_after (server-killed): is missing"),
        (
            "kind = \"server-killed\"\nat = \"19:00\"\nback_after = \"1s\"\nuntil = \"19:10\"",
            r#"incident[0].until (server-killed): does not go with "server-killed""#,
        ),
        ("kind = \"issuer-slow\"\nat = \"19:00\"", "delay (issuer-slow): is missing"),
        ("kind = \"issuer-slow\"\nat = \"19:00\"\ndelay = \"0s\"", "is zero, which changes nothing"),
        ("kind = \"store-slow\"\nat = \"19:00\"", "does not say what is slow"),
        ("kind = \"issuer-down\"\nat = \"19:00\"\nuntil = \"18:00\"", "18:00 is not after 19:00"),
        ("kind = \"issuer-down\"\nat = \"19:00\"\nlasts = \"6h\"", "reaches past 24:00"),
        ("kind = \"issuer-down\"\nat = \"19:00\"\nlasts = \"1h\"\nuntil = \"20:00\"", "excludes \"until\""),
        (
            "kind = \"issuer-down\"\nat = \"19:00\"\n[[incident]]\nkind = \"issuer-down\"\nat = \"20:00\"",
            "incident[1].at (issuer-down): begins while that of 19:00 lasts",
        ),
        (
            "kind = \"instance-leaves\"\nat = \"19:00\"",
            r#"incident[0].instances (instance-leaves): server "small" has 1 and 1 leave; one has to stay"#,
        ),
        (
            "kind = \"population-stops\"\nat = \"19:00\"\npopulation = \"visitor\"\n\
             [[incident]]\nkind = \"population-stops\"\nat = \"19:30\"\npopulation = \"visitor\"",
            "population[0] (visitor): starts or stops at 19:30 though it did already",
        ),
    ];
    for (incident, expected) in cases {
        let found = scenario(&format!("[[incident]]\n{incident}")).unwrap_err();
        assert!(found.len() == 1 && found[0].contains(expected), "{incident}\n  {expected}\n  {found:#?}");
    }
}
