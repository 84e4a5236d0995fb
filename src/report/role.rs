//! What a mark stands for, and its colour in both themes. Plots name roles; this table is the only place with colours.

use plotters::style::RGBColor;
use plotters_backend::BackendColor;

/// What a mark stands for. The same thing has the same role in every plot.
///
/// A server configuration has a hue, and what it did not serve is grey: so no reader needs to tell red from green, and
/// nothing else may use a hue but the promise that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Titles and marks of the first order.
    Ink,
    /// Labels of axes, remarks.
    Muted,
    /// Lines that help to read a value off.
    Grid,
    /// The lines that values stand on.
    Axis,
    /// What is not judged: run-in and drain.
    Band,
    /// What was asked of a server.
    Offered,
    /// A server configuration, by its place in the run.
    Server(usize),
    /// The same, as text: darker on white, for its contrast.
    ServerText(usize),
    /// Refused by the server.
    Shed,
    /// Given up by the client.
    TimedOut,
    /// Answered, but wrongly, or not at all.
    Failed,
    /// Never left the generator.
    NotSent,
    /// Under way at the end, without an outcome.
    Open,
    /// A promise, and what breaks it.
    Slo,
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Dash {
    /// Unbroken.
    #[default]
    Solid,
    /// Long dashes.
    Dashed,
    /// Dots.
    Dotted,
}

/// Class, colour on white, colour on dark. The contrast of every text colour against its paper is tested below.
const COLOURS: &[(&str, &str, &str)] = &[
    ("ink", "#1f2328", "#e6edf3"),
    ("muted", "#59636e", "#9aa2ab"),
    ("grid", "#e4e7eb", "#252b34"),
    ("axis", "#b9c0c8", "#454c56"),
    // The paper itself; no plot draws with it.
    ("surface", "#ffffff", "#0d1117"),
    ("band", "#f1f3f5", "#171c24"),
    ("offered", "#d3d9e0", "#333b46"),
    ("shed", "#6b7580", "#9aa4af"),
    ("timed-out", "#9aa4af", "#6b7580"),
    ("failed", "#2f363d", "#e1e6ec"),
    ("not-sent", "#c3cad2", "#49525d"),
    ("open", "#dfe3e8", "#2c333d"),
    ("slo", "#b3261e", "#ff8a80"),
    // Okabe and Ito's palette; the text colours are darker until they reach 4.5:1 on white.
    ("s1", "#0072b2", "#56b4e9"),
    ("s2", "#d55e00", "#e69f00"),
    ("s3", "#009e73", "#009e73"),
    ("s4", "#cc79a7", "#cc79a7"),
    ("t1", "#0072b2", "#56b4e9"),
    ("t2", "#b84f00", "#e69f00"),
    ("t3", "#00795a", "#009e73"),
    ("t4", "#a2558a", "#cc79a7"),
];

/// Hues of server configurations; a fifth configuration begins anew with another dash.
const HUES: usize = 4;

/// Third component of every colour that means a role; plotters' own colours do not have it.
const MARK: u8 = 0x5a;

impl Role {
    fn index(self) -> usize {
        match self {
            Self::Ink => 0,
            Self::Muted => 1,
            Self::Grid => 2,
            Self::Axis => 3,
            Self::Band => 5,
            Self::Offered => 6,
            Self::Shed => 7,
            Self::TimedOut => 8,
            Self::Failed => 9,
            Self::NotSent => 10,
            Self::Open => 11,
            Self::Slo => 12,
            Self::Server(server) => 13 + server % HUES,
            Self::ServerText(server) => 13 + HUES + server % HUES,
        }
    }

    /// The dash that tells a fifth configuration from the first.
    pub(super) fn dash(self) -> Dash {
        match self {
            Self::Server(server) if server / HUES % 2 == 1 => Dash::Dashed,
            _ => Dash::Solid,
        }
    }

    /// The colour by which plotters is told this role: no colour at all, but the place in the table.
    pub(super) fn colour(self, dash: Dash) -> RGBColor {
        RGBColor(self.index() as u8, dash as u8, MARK)
    }
}

/// What a colour that came through plotters means: class, fallback colour, dash; `None` for a colour without a role.
pub(super) fn meaning(colour: BackendColor) -> Option<(&'static str, &'static str, Dash)> {
    let (index, dash, mark) = colour.rgb;
    let dash = [Dash::Solid, Dash::Dashed, Dash::Dotted].into_iter().find(|d| *d as u8 == dash)?;
    let (class, light, _) = COLOURS.get(usize::from(index)).filter(|_| mark == MARK)?;
    Some((class, light, dash))
}

/// The colours of both themes as CSS variables, and a class for each role.
///
/// Without a `data-theme` attribute on the root the reader's system decides; paper is always light.
pub(super) fn css() -> String {
    let variables = |dark: bool| -> String {
        COLOURS
            .iter()
            .map(|(c, light, night)| format!("--{c}:{};", if dark { night } else { light }))
            .collect()
    };
    let classes: String =
        COLOURS.iter().map(|(class, ..)| format!(".{class}{{color:var(--{class})}}")).collect();
    format!(
        ":root{{color-scheme:light;{light}}}\n\
         @media screen and (prefers-color-scheme:dark){{:root:not([data-theme=light]){{color-scheme:dark;{dark}}}}}\n\
         @media screen{{:root[data-theme=dark]{{color-scheme:dark;{dark}}}}}\n\
         {classes}\n\
         .k{{stroke:currentColor;fill:none}}.f{{fill:currentColor;stroke:none}}text{{fill:currentColor}}\n",
        light = variables(false),
        dark = variables(true),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Role; 14] = [
        Role::Ink,
        Role::Muted,
        Role::Grid,
        Role::Axis,
        Role::Band,
        Role::Offered,
        Role::Server(0),
        Role::ServerText(3),
        Role::Shed,
        Role::TimedOut,
        Role::Failed,
        Role::NotSent,
        Role::Open,
        Role::Slo,
    ];

    /// Relative luminance, WCAG 2.2.
    fn luminance(hex: &str) -> f64 {
        let part = |at: usize| {
            let c = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    }

    fn contrast(a: &str, b: &str) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn entry(class: &str) -> (&'static str, &'static str) {
        COLOURS.iter().find(|(c, ..)| *c == class).map(|(_, light, dark)| (*light, *dark)).unwrap()
    }

    #[test]
    fn every_role_comes_back_from_its_colour_and_no_other_colour_has_one() {
        for role in ALL {
            let colour = role.colour(Dash::Dotted);
            let (class, _, dash) =
                meaning(BackendColor { alpha: 1.0, rgb: (colour.0, colour.1, colour.2) }).unwrap();
            assert_eq!(class, COLOURS[role.index()].0);
            assert_eq!(dash, Dash::Dotted);
        }
        for rgb in [(0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 9, MARK), (200, 0, MARK)] {
            assert!(meaning(BackendColor { alpha: 1.0, rgb }).is_none(), "{rgb:?}");
        }
    }

    #[test]
    fn text_stands_out_from_its_paper_in_both_themes() {
        let (white, black) = entry("surface");
        for class in ["ink", "muted", "slo", "t1", "t2", "t3", "t4"] {
            let (light, dark) = entry(class);
            assert!(contrast(light, white) >= 4.5, "{class} light: {:.2}", contrast(light, white));
            assert!(contrast(dark, black) >= 4.5, "{class} dark: {:.2}", contrast(dark, black));
        }
    }

    #[test]
    fn lines_stand_out_from_their_paper_in_both_themes() {
        let (white, black) = entry("surface");
        for class in ["s1", "s2", "s3", "s4", "shed", "failed"] {
            let (light, dark) = entry(class);
            assert!(contrast(light, white) >= 3.0, "{class} light: {:.2}", contrast(light, white));
            assert!(contrast(dark, black) >= 3.0, "{class} dark: {:.2}", contrast(dark, black));
        }
    }
}
