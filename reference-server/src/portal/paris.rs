//! Times on the clocks of Paris, which is what a browser's form has.

use chrono::{DateTime, Datelike, Days, Duration, NaiveDate, NaiveDateTime, Utc};

use crate::moment::Moment;

/// How a form writes a time.
const FORM: &str = "%Y-%m-%dT%H:%M";

/// Hours that the clocks are ahead of UTC then: two from the last Sunday of March to that of October, at 1:00 UTC
/// (directive 2000/84/EC), else one.
fn ahead(utc: NaiveDateTime) -> i64 {
    let change = |month| {
        let last = NaiveDate::from_ymd_opt(utc.year(), month, 31)?;
        let sunday = last.checked_sub_days(Days::new(last.weekday().num_days_from_sunday().into()))?;
        sunday.and_hms_opt(1, 0, 0)
    };
    let (Some(spring), Some(autumn)) = (change(3), change(10)) else { return 1 };
    if (spring..autumn).contains(&utc) { 2 } else { 1 }
}

/// A time of a form in RFC 3339; empty if it is none. In the hour that comes twice it is the first time, summer's.
pub(super) fn rfc3339(local: &str) -> String {
    let text = local.get(..16).unwrap_or(local);
    let Ok(local) = NaiveDateTime::parse_from_str(text, FORM) else { return String::new() };
    let hours = match local.checked_sub_signed(Duration::hours(2)) {
        Some(utc) => ahead(utc),
        None => return String::new(),
    };
    format!("{}:00+0{hours}:00", local.format(FORM))
}

/// A moment as a form writes it.
pub(super) fn local(moment: Moment) -> String {
    let Some(utc) = DateTime::<Utc>::from_timestamp_millis(moment.millis()) else { return String::new() };
    let utc = utc.naive_utc();
    (utc + Duration::hours(ahead(utc))).format(FORM).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clocks_change_in_march_and_october() {
        for (local, read) in [
            ("2022-01-05T17:40", "2022-01-05T17:40:00+01:00"),
            ("2022-01-05T17:40:30", "2022-01-05T17:40:00+01:00"),
            ("2022-07-14T08:00", "2022-07-14T08:00:00+02:00"),
            ("2022-03-27T01:59", "2022-03-27T01:59:00+01:00"),
            ("2022-03-27T03:00", "2022-03-27T03:00:00+02:00"),
            ("2022-10-30T02:30", "2022-10-30T02:30:00+02:00"),
            ("2022-10-30T03:00", "2022-10-30T03:00:00+01:00"),
            ("5 janvier", ""),
            ("", ""),
        ] {
            assert_eq!(rfc3339(local), read, "{local}");
        }
    }

    #[test]
    fn a_moment_is_read_back() {
        for text in ["2022-01-05T17:40:00+01:00", "2022-07-14T00:30:00+02:00"] {
            let moment = Moment::from_millis(DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis());
            assert_eq!(rfc3339(&local(moment)), text);
        }
    }
}
