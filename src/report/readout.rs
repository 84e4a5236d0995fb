//! What a pointer over a plot reads out: for each panel, a line of text at each of its windows.

use serde::Serialize;

use super::canvas::Place;

/// The texts of a figure over time. Everything in them is in the plot or the tables too.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Readout {
    /// Ends of the x axis of every panel, wall seconds.
    pub(super) from: f64,
    /// See [`Readout::from`].
    pub(super) to: f64,
    /// The panels.
    pub(super) boxes: Vec<Panel>,
}

/// A panel's place on the sheet, in CSS pixels, and its texts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Panel {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    /// Middles of its windows, wall seconds.
    at: Vec<f64>,
    /// What is read out there.
    text: Vec<String>,
}

impl Panel {
    /// A panel with a text for each of its windows.
    pub(super) fn new(place: Place, windows: impl Iterator<Item = (f64, String)>) -> Self {
        let Place { left, top, right, bottom } = place;
        let (at, text) = windows.map(|(at, text)| ((at * 1e3).round() / 1e3, text)).unzip();
        Self { left, right, top, bottom, at, text }
    }
}

impl Readout {
    /// As JSON that may stand inside of a script element.
    pub(super) fn json(&self) -> String {
        let json = serde_json::to_string(self).expect("numbers and texts are JSON");
        json.replace('<', "\\u003c")
    }
}
