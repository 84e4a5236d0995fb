//! The values that templates may name: `${ref}`, `${person.birth_date}`, `${account.id}`.

use super::body::{write_reference, write_sample};
use super::json::{hex, uuid};
use super::{Context, Person};

/// Every name that [`value`] knows.
pub const VALUES: [&str; 15] = [
    "ref",
    "sample",
    "person.family_name",
    "person.given_name",
    "person.birth_date",
    "person.wrong_birth_date",
    "person.sex",
    "person.mobile",
    "person.identifier",
    "search",
    "account.id",
    "account.secret",
    "account.kind",
    "idempotency_key",
    "random",
];

/// Whether a template may name this value.
pub fn is_value(name: &str) -> bool {
    VALUES.contains(&name)
}

/// Appends a value; false, with nothing appended, for a name that there is not and for an account where there is none.
///
/// `ref`, `sample` and `idempotency_key` are the same in all tries of a step of a journey, and when a loop comes back to
/// it; `random` is 16 hexadecimal digits, others in every request. `search` is the beginning of the family name. All but `person.given_name` are letters, digits, `-`, `+` and `.` of ASCII, so they
/// need no escapes in a path (a `+` in a form does: `person.mobile`).
pub fn value(name: &str, context: &Context<'_>, out: &mut String) -> bool {
    let person = || Person::of(context.seed, context.subject);
    match name {
        "ref" => ascii(out, |out| write_reference(context.subject, out)),
        "sample" => ascii(out, |out| write_sample(context.seed, context.subject, out)),
        "person.family_name" => ascii(out, |out| person().write_family_name(out)),
        "person.given_name" => out.push_str(person().given_name()),
        "person.birth_date" => ascii(out, |out| person().write_birth_date(out)),
        "person.wrong_birth_date" => {
            ascii(out, |out| person().write_wrong_birth_date(context.visit.word("slip"), out));
        }
        "person.sex" => out.push_str(person().sex()),
        "person.mobile" => ascii(out, |out| person().write_mobile(out)),
        "person.identifier" => ascii(out, |out| person().write_identifier(out)),
        "search" => out.push_str(person().search()),
        "idempotency_key" => ascii(out, |out| write_idempotency_key(context, out)),
        "random" => ascii(out, |out| hex(out, context.visit.word("random").bits(), 16)),
        name => return account(name, context, out),
    }
    true
}

fn account(name: &str, context: &Context<'_>, out: &mut String) -> bool {
    let Some(account) = &context.account else { return false };
    match name {
        "account.id" => account.write_id(out),
        "account.secret" => out.push_str(&account.secret()),
        "account.kind" => out.push_str(account.kind),
        _ => return false,
    }
    true
}

/// A UUID of version 8 (RFC 9562): 122 bits of the journey and the step.
fn write_idempotency_key(context: &Context<'_>, out: &mut Vec<u8>) {
    uuid(out, context.key.word("idempotency").with(u64::from(context.step)));
}

/// Appends ASCII that is made as bytes.
fn ascii(out: &mut String, write: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = Vec::with_capacity(40);
    write(&mut bytes);
    out.extend(bytes.into_iter().map(char::from));
}
