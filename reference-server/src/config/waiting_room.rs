//! Waiting rooms before the first page of a session (`[waiting_room.patients]`, `[waiting_room.professionals]`).

use std::time::Duration;

use serde::Serialize;

use super::Rate;
use super::build::{count, positive};
use super::read::Reader;
use super::units::duration_text;

/// The waiting rooms, apart from each other.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct WaitingRooms {
    /// Before a patient's landing page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patients: Option<WaitingRoom>,
    /// Before a professional's form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub professionals: Option<WaitingRoom>,
}

/// One waiting room: sessions begin at a rate, whoever comes faster is given a ticket.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WaitingRoom {
    /// Sessions that may begin per second: the capacity of what lies behind.
    pub rate: Rate,
    /// Tickets waiting; whoever comes then is answered 503 without one. Default 100,000.
    pub places: usize,
    /// The page refreshes itself after this to twice this. Default 30 s. A ticket that has not been shown for three
    /// times as long is void.
    #[serde(serialize_with = "duration_text")]
    pub poll: Duration,
    /// How long an admitted client's session passes. Default 15 min.
    #[serde(serialize_with = "duration_text")]
    pub session: Duration,
}

impl WaitingRooms {
    pub(super) fn is_empty(&self) -> bool {
        *self == WaitingRooms::default()
    }
}

pub(super) fn waiting_rooms(read: Reader<'_>) -> WaitingRooms {
    let rooms = WaitingRooms {
        patients: read.section("patients").and_then(waiting_room),
        professionals: read.section("professionals").and_then(waiting_room),
    };
    read.finish();
    rooms
}

fn waiting_room(read: Reader<'_>) -> Option<WaitingRoom> {
    read.required("rate", "sessions that may begin, as in \"25/s\"");
    let rate = read.rate("rate");
    let places = count(&read, "places", 1, 100_000);
    let poll = positive(&read, "poll", Duration::from_secs(30));
    let session = positive(&read, "session", Duration::from_secs(15 * 60));
    read.finish();
    Some(WaitingRoom { rate: rate?, places, poll, session })
}
