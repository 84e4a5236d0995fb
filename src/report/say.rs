//! Numbers as people read them: two or three significant digits, with their unit, never rounded to a lie.

/// A time given in microseconds: `45 µs`, `230 ms`, `1.25 s`, `4 min`.
pub(super) fn time(micros: f64) -> String {
    let (value, unit) = match micros {
        us if us < 999.5 => (us, "µs"),
        us if us < 999_500.0 => (us / 1e3, "ms"),
        us if us < 600e6 => (us / 1e6, "s"),
        us => (us / 60e6, "min"),
    };
    format!("{} {unit}", digits(value))
}

/// Seconds as a remark on an axis: `-5 s`, `12.5 s`.
pub(super) fn seconds(secs: f64) -> String {
    let rounded = (secs * 10.0).round() / 10.0;
    // -0 is no time of a run.
    format!("{} s", if rounded == 0.0 { 0.0 } else { rounded })
}

/// A share as `hits` of `all`: `38 %`, `99.93 %`. `100 %` and `0 %` are said only when they are exact.
pub(super) fn share_of(hits: u64, all: u64) -> String {
    match (hits, all) {
        (_, 0) => "none".to_owned(),
        (0, _) => "0 %".to_owned(),
        (hits, all) if hits == all => "100 %".to_owned(),
        (hits, all) => share(hits as f64 / all as f64),
    }
}

/// A share between 0 and 1 that is neither, or an exact one.
pub(super) fn share(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        p if p <= 0.0 => "0 %".to_owned(),
        p if p >= 100.0 => "100 %".to_owned(),
        p if p < 0.095 => format!("{} %", significant(p, 2)),
        p if p < 9.95 => format!("{p:.1} %"),
        p if p < 98.5 => format!("{p:.0} %"),
        p => {
            // As many nines as there are, and one digit more: what is missing decides how exact the share must be said.
            let decimals = ((-(100.0 - p).log10()).ceil() + 1.0).clamp(1.0, 6.0) as usize;
            let text = format!("{p:.decimals$}");
            let text = text.trim_end_matches('0').trim_end_matches('.');
            // Rounded up to a hundred, it would say what is not true.
            if text == "100" { "> 99.9999 %".to_owned() } else { format!("{text} %") }
        }
    }
}

/// A whole number with its thousands apart: `1,234,567`.
pub(super) fn count(n: u64) -> String {
    let text = n.to_string();
    let mut grouped = String::with_capacity(text.len() + text.len() / 3);
    for (at, digit) in text.chars().enumerate() {
        if at > 0 && (text.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A count where there is little room: exact below 100,000, then `123 k` and `1.2 M`.
pub(super) fn short_count(n: u64) -> String {
    match n {
        n if n < 100_000 => count(n),
        n if n < 999_500 => format!("{} k", digits(n as f64 / 1e3)),
        n => format!("{} M", digits(n as f64 / 1e6)),
    }
}

/// `1 journey`, `2 journeys`.
pub(super) fn plural(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// A rate in events per second: `436/s`, `0.3/s`.
pub(super) fn rate(per_second: f64) -> String {
    format!("{}/s", digits(per_second))
}

/// Three significant digits at most, without zeros that say nothing.
pub(super) fn digits(value: f64) -> String {
    significant(value, 3)
}

fn significant(value: f64, figures: i32) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { "0".to_owned() } else { "none".to_owned() };
    }
    let magnitude = value.abs().log10().floor() as i32;
    if magnitude >= figures {
        let unit = 10f64.powi(magnitude + 1 - figures);
        let rounded = (value / unit).round() * unit;
        return if rounded < 0.0 { format!("-{}", count(-rounded as u64)) } else { count(rounded as u64) };
    }
    let decimals = (figures - 1 - magnitude).clamp(0, 9) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Names as a list in a sentence: `a`, `a and b`, `a, b and c`.
pub(super) fn list<S: AsRef<str>>(names: &[S]) -> String {
    match names {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", first.join(", "), last.as_ref())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_have_three_digits_and_the_unit_that_fits() {
        for (micros, text) in [
            (45.0, "45 µs"),
            (999.7, "1 ms"),
            (1_234.0, "1.23 ms"),
            (230_400.0, "230 ms"),
            (1_250_000.0, "1.25 s"),
            (75e6, "75 s"),
            (900e6, "15 min"),
        ] {
            assert_eq!(time(micros), text);
        }
    }

    #[test]
    fn a_share_is_a_hundred_per_cent_only_when_nothing_is_missing() {
        assert_eq!(share_of(512, 1_345), "38 %");
        assert_eq!(share_of(9_993, 10_000), "99.93 %");
        assert_eq!(share_of(999, 1_000), "99.9 %");
        assert_eq!(share_of(99, 100), "99 %");
        assert_eq!(share_of(10_000_000_000 - 1, 10_000_000_000), "> 99.9999 %");
        assert_eq!(share_of(10, 10), "100 %");
        assert_eq!(share_of(0, 10), "0 %");
        assert_eq!(share_of(0, 0), "none");
    }

    #[test]
    fn lists_read_as_in_a_sentence() {
        assert_eq!(list::<&str>(&[]), "");
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
    }

    proptest! {
        #[test]
        fn no_partial_share_is_said_to_be_all_or_nothing(all in 2u64..100_000_000, part in 0.0..1.0f64) {
            let hits = ((all as f64 * part) as u64).clamp(1, all - 1);
            let text = share_of(hits, all);
            prop_assert!(text != "100 %" && text != "0 %", "{hits} of {all}: {text}");
        }

        #[test]
        fn a_number_is_said_with_an_error_of_half_a_per_cent_at_most(value in 0.001..1e9f64) {
            let said: f64 = digits(value).replace(',', "").parse().unwrap();
            prop_assert!((said - value).abs() <= value * 0.006, "{value}: {said}");
        }
    }
}
