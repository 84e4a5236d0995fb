//! What the server knows before a run starts: entries of earlier, whose links the tool has drawn itself.

use super::Context;
use super::body::write_entry;
use super::calendar::Day;
use super::facts::{Facts, Kind};
use super::json::{hex, string};
use super::person::subject_key;
use crate::rng::Key;

/// One line (without its end) of the server's preload file, and the link that it gives to the entry's reader:
/// `{"sender":client_id,"link":…,"entry":{…}}`.
///
/// The link is 40 hexadecimal digits: the second of the entry (Unix time, 8 digits) and 128 bits drawn from seed and
/// subject. The generator says what was entered (`entry` antigen, `entries` PCR); `None` for any other, and without an
/// account, as an entry has a sender.
pub fn preload_line(generator: &str, context: &Context<'_>) -> Option<(String, Vec<u8>)> {
    let kind = match generator {
        "entry" => Kind::Antigen,
        "entries" => Kind::Pcr,
        _ => return None,
    };
    let sender = context.account?.id();
    let link = link(context);
    let mut line = Vec::with_capacity(640);
    line.extend_from_slice(b"{\"sender\":");
    string(&mut line, &sender);
    line.extend_from_slice(b",\"link\":");
    string(&mut line, &link);
    line.extend_from_slice(b",\"entry\":");
    write_entry(context.seed, &Facts::of(kind, context, context.subject), &mut line);
    line.push(b'}');
    Some((link, line))
}

fn link(context: &Context<'_>) -> String {
    let day = Day::parse(context.date).unwrap_or(Day(0));
    // Midnight of French winter time is 23:00 of the day before in UTC.
    let second = day.0 * 86_400 - 3_600 + context.arrived.div_euclid(1_000_000_000);
    let key = subject_key(Key::root(context.seed).word("link"), context.subject);
    let mut link = Vec::with_capacity(40);
    hex(&mut link, second as u64, 8);
    hex(&mut link, key.with(0).bits(), 16);
    hex(&mut link, key.with(1).bits(), 16);
    link.into_iter().map(char::from).collect()
}
