//! Waiting rooms in paused time: order, rate, tickets that cannot be forged or used twice, abandonment.

use axum::http::{HeaderMap, header};
use tokio::time::advance;

use super::*;
use crate::config::Config;
use crate::keys::Keys;

fn room(config: &str) -> Room {
    let config = Config::parse(&format!("[waiting_room.patients]\n{config}")).unwrap();
    Room::new("patients", "/p/", &config.waiting_room.patients.unwrap())
}

fn secret() -> Secret {
    Keys::open(tempfile::tempdir().unwrap().path()).unwrap().secret
}

/// Stands before the room with these cookies: the cookie that it gives, and the place, if it lets nobody in.
fn ask(room: &Room, secret: &Secret, subject: &str, cookies: &str) -> Result<String, Option<String>> {
    let headers = HeaderMap::from_iter([(header::COOKIE, cookies.parse().unwrap())]);
    let visit = Visit { path: "/p/x".into(), headers };
    let text = |cookie: &HeaderValue| cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
    match room.enter(subject, &visit, secret, false) {
        Ok(pass) => Ok(pass.as_ref().map(text).unwrap_or_default()),
        Err(page) => {
            assert_eq!(page.status(), 503);
            Err(page.headers().get(header::SET_COOKIE).map(text))
        }
    }
}

fn stands(room: &Room, subject: &str, ticket: Option<u64>) -> Standing {
    room.queue().stand(subject, ticket, room.began.elapsed())
}

/// Let in after so many seconds.
fn goes_in(seconds: u64) -> Standing {
    Standing::In { waited: Duration::from_secs(seconds) }
}

fn waits(number: u64, ahead: usize, seconds: u64) -> Standing {
    Standing::Waits { number, ahead, left: Duration::from_secs(seconds) }
}

#[tokio::test(start_paused = true)]
async fn sessions_begin_at_the_rate_in_the_order_of_coming() {
    let room = room("rate = \"1/s\"\npoll = \"10s\"");
    assert_eq!(stands(&room, "a", None), goes_in(0));
    for (number, subject) in ["b", "c", "d"].into_iter().enumerate() {
        assert_eq!(stands(&room, subject, None), waits(number as u64, number, number as u64 + 1));
    }
    // Who shows no ticket stands at the place of its subject, and asking again does not move it.
    assert_eq!(stands(&room, "c", None), waits(1, 1, 2));
    advance(Duration::from_secs(1)).await;
    assert_eq!(stands(&room, "d", Some(2)), waits(2, 1, 2));
    assert_eq!(stands(&room, "e", None), waits(3, 2, 3));
    assert_eq!(stands(&room, "b", Some(0)), goes_in(1));
    // A place is used once: the next one with this ticket stands at the end.
    assert_eq!(stands(&room, "b", Some(0)), waits(4, 3, 4));
    advance(Duration::from_secs(10)).await;
    for (subject, ticket, waited) in
        [("c", None, 11), ("d", Some(2), 11), ("e", Some(3), 10), ("b", Some(4), 10)]
    {
        assert_eq!(stands(&room, subject, ticket), goes_in(waited));
    }
    // What was not used is not kept, beyond a second's worth.
    assert_eq!(stands(&room, "f", None), goes_in(0));
    assert!(matches!(stands(&room, "g", None), Standing::Waits { ahead: 0, .. }));
    assert_eq!(room.queue().admitted(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_place_that_nobody_shows_is_freed() {
    let room = room("rate = \"1/min\"\npoll = \"10s\"");
    assert_eq!(stands(&room, "a", None), goes_in(0));
    assert_eq!(stands(&room, "gone", None), waits(0, 0, 60));
    assert_eq!(stands(&room, "stays", None), waits(1, 1, 120));
    for _ in 0..4 {
        advance(Duration::from_secs(10)).await;
        stands(&room, "stays", Some(1));
    }
    assert_eq!(stands(&room, "stays", Some(1)), waits(1, 0, 20), "moved up");
    assert!(matches!(stands(&room, "gone", Some(0)), Standing::Waits { number: 2, ahead: 1, .. }), "void");
    // Called and not come: the permit calls the next one.
    advance(Duration::from_secs(21)).await;
    stands(&room, "gone", Some(2));
    let counts = |queue: &Queue<str>| (queue.waiting(), queue.called());
    assert_eq!(counts(&room.queue()), (1, 1));
    for _ in 0..4 {
        advance(Duration::from_secs(10)).await;
        if matches!(stands(&room, "gone", Some(2)), Standing::In { .. }) {
            assert_eq!(room.queue().void(), 2);
            return;
        }
    }
    panic!("the permit of the one who did not come was lost");
}

#[tokio::test(start_paused = true)]
async fn a_full_room_gives_no_ticket() {
    let room = room("rate = \"1/h\"\nplaces = 2");
    for subject in ["a", "b", "c"] {
        stands(&room, subject, None);
    }
    assert_eq!(stands(&room, "d", None), Standing::NoPlace);
    assert!(matches!(stands(&room, "b", None), Standing::Waits { .. }));
}

#[tokio::test(start_paused = true)]
async fn tickets_and_passes_are_good_for_their_subject_and_cannot_be_made_up() {
    let (room, secret) = (room("rate = \"1/s\"\nsession = \"1h\""), secret());
    let pass = ask(&room, &secret, "a", "").unwrap();
    assert!(pass.starts_with("pass="));
    let ticket = ask(&room, &secret, "b", "").unwrap_err().unwrap();
    assert!(ticket.starts_with("ticket="));
    // In session: passes, whoever waits, and is given nothing new.
    assert_eq!(ask(&room, &secret, "a", &format!("x=y; {pass}")).unwrap(), "");
    // Somebody else's pass and ticket are none.
    let own = ask(&room, &secret, "c", &pass).unwrap_err();
    assert_eq!(ask(&room, &secret, "c", &ticket).unwrap_err(), own);
    assert_ne!(own.as_ref(), Some(&ticket));
    // A number changed by one digit, and a pass made of a ticket.
    let forged = ticket.replacen("ticket=0000000000000000", "ticket=0000000000000001", 1);
    assert_ne!(forged, ticket);
    assert_eq!(ask(&room, &secret, "d", &forged).unwrap_err(), ask(&room, &secret, "d", "").unwrap_err());
    assert!(ask(&room, &secret, "b", &ticket.replacen("ticket", "pass", 1)).is_err());
    assert!(ask(&room, &secret, "b", &pass.replacen("pass", "ticket", 1)).is_err());
    // A room of another start of the server knows no ticket of this one, but its passes.
    let restarted = Room { epoch: [7; 8], ..self::room("rate = \"1/s\"") };
    assert_eq!(ask(&restarted, &secret, "a", &pass).unwrap(), "");
    assert_eq!(restarted.number(&secret, "b", ticket.strip_prefix("ticket=").unwrap()), None);
}
