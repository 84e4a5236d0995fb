//! Feeders and connections: read, and what is wrong with them named.

use super::super::*;

#[test]
fn feeders_are_read_and_what_is_wrong_with_them_is_named() {
    let read = |path: &str| match path {
        "people.csv" => Ok("name,code\nAnna,1\n\"Li, Bo\",2\n".to_owned()),
        "ragged.csv" => Ok("name,code\nAnna\n".to_owned()),
        "empty.csv" => Ok("name\n".to_owned()),
        _ => Err(std::io::ErrorKind::NotFound.into()),
    };
    let context = Context { read: &read, values: &["account.id"], generators: &[] };
    let text = |feeder: &str, path: &str| {
        format!(
            "about = \"x\"\n{feeder}\n[run]\nduration = \"5s\"\n[[population]]\nname = \"v\"\n\
             arrivals = {{ rate = \"1/s\" }}\ntimeout = \"1s\"\n[[population.step]]\nname = \"s\"\nget = \"{path}\""
        )
    };
    let feeder = |file: &str, more: &str| format!("[[feeder]]\nname = \"people\"\nfile = \"{file}\"\n{more}");
    let good = load(&text(&feeder("people.csv", "order = \"random\""), "/${people.code}"), "x", &context);
    let feeders = good.unwrap().feeders;
    assert_eq!(
        (feeders[0].rows[1][0].as_str(), feeders[0].order),
        ("Li, Bo", crate::scenario::FeederOrder::Random)
    );
    let by_account = feeder("people.csv", "by = \"account\"");
    for (feeder, path, expected) in [
        (feeder("none.csv", ""), "/", "cannot read \"none.csv\""),
        (feeder("ragged.csv", ""), "/", "ragged.csv: "),
        (feeder("empty.csv", ""), "/", "it has no rows"),
        (feeder("people.csv", ""), "/${people.cod}", "has no such column; it has name, code"),
        (feeder("people.csv", ""), "/${peple.code}", "did you mean ${people.code}?"),
        (feeder("people.csv", "order = \"any\""), "/", "\"sequential\" or \"random\" or \"once\""),
        (by_account, "/${people.code}", "this population has no accounts"),
        (feeder("people.csv", "").replace("\"people\"", "\"person\""), "/", "invented values"),
    ] {
        let problems = load(&text(&feeder, path), "x", &context).unwrap_err().to_string();
        assert!(problems.contains(expected), "{expected}: {problems}");
    }
}

#[test]
fn how_a_population_is_connected_is_read_and_what_is_wrong_with_it_is_named() {
    use crate::scenario::{Connection, Http};
    let text = |keys: &str| {
        format!(
            "about = \"x\"\n[run]\nduration = \"5s\"\n[[population]]\nname = \"v\"\n\
             arrivals = {{ rate = \"1/s\" }}\ntimeout = \"1s\"\n{keys}\n[[population.step]]\nname = \"s\"\nget = \"/\""
        )
    };
    let nothing = |_: &str| Err(std::io::ErrorKind::NotFound.into());
    let context = Context { read: &nothing, values: &[], generators: &[] };
    let keys = "connection = { pool = 4 }\nhttp = \"2\"\nresumption = false\nopening = 8\n\
                sources = \"127.1.0.0/16\"\nread_rate = \"2kB/s\"";
    let population = load(&text(keys), "x", &context).unwrap().populations.remove(0);
    let network = population.network;
    assert_eq!(population.connection, Connection::PoolOf(4));
    assert_eq!((network.http, network.resumption, network.opening), (Http::Two, false, 8));
    assert_eq!(network.sources.unwrap().to_string(), "127.1.0.0/16");
    assert_eq!(network.read_rate.unwrap().bytes_per_second(), 2_000);
    for (keys, expected) in [
        ("connection = \"often\"", "\"new\" or \"kept\" or \"pool\""),
        ("connection = { pool = 0 }", "connection.pool"),
        ("opening = 0", "opening"),
        ("http = \"3\"", "\"1.1\" or \"2\""),
        ("sources = \"10.0.0.0/8\"", "no range of loopback addresses"),
        ("read_rate = 200", "has no unit"),
    ] {
        let problems = load(&text(keys), "x", &context).unwrap_err().to_string();
        assert!(problems.contains(expected), "{expected}: {problems}");
    }
}
