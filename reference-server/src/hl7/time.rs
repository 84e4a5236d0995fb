//! Dates and times of HL7 v2 as the entry has them.

/// `YYYYMMDD`, perhaps with a time that is left out, as `YYYY-MM-DD`; empty if it is neither.
pub(crate) fn date(text: &str) -> String {
    let day = text.get(..8).filter(|day| day.bytes().all(|byte| byte.is_ascii_digit()));
    day.map(|day| format!("{}-{}-{}", &day[..4], &day[4..6], &day[6..])).unwrap_or_default()
}

/// `YYYYMMDDHHMM[SS[.S…]]±ZZZZ` in RFC 3339; empty if it is not that. Without its offset a time says nothing.
pub(crate) fn time(text: &str) -> String {
    let converted = || {
        let sign = text.find(['+', '-'])?;
        let (moment, offset) = text.split_at(sign);
        let whole = moment.split('.').next().unwrap_or_default();
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !matches!(whole.len(), 12 | 14) || offset.len() != 5 || !digits(&offset[1..]) {
            return None;
        }
        let seconds = if whole.len() == 14 { &whole[12..] } else { "00" };
        let (hour, minute, day) = (&whole[8..10], &whole[10..12], date(whole));
        Some(format!("{day}T{hour}:{minute}:{seconds}{}:{}", &offset[..3], &offset[3..]))
    };
    converted().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_offset_or_not_at_all() {
        for (text, read) in [
            ("20220105181200+0100", "2022-01-05T18:12:00+01:00"),
            ("202201051812-0330", "2022-01-05T18:12:00-03:30"),
            ("20220105181200.1234+0000", "2022-01-05T18:12:00+00:00"),
            ("20220105181200", ""),
            ("20220105+0100", ""),
            ("2022-01-05T18:12:00+01:00", ""),
            ("20220105181200+é0", ""),
            ("+", ""),
            ("", ""),
        ] {
            assert_eq!(time(text), read, "{text}");
        }
        assert_eq!(date("19850514"), "1985-05-14");
        assert_eq!(date("198505140930"), "1985-05-14");
        assert_eq!((date("1985-05-14").as_str(), date("1985é").as_str()), ("", ""));
    }
}
