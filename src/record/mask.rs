//! Takes secrets out of text that is kept or printed.

use std::sync::LazyLock;

use regex::Regex;

/// `text` with every secret replaced by `***`: bearer tokens and other JWTs, the values of fields and headers whose
/// name says that they are secret (authorization, cookie, secret, password, token, code, key, birth date), and runs of
/// 32 or more hexadecimal digits (links, secrets, keys). The rest stays as it is, so that the text can still be read.
pub fn mask(text: &str) -> String {
    let mut text = std::borrow::Cow::Borrowed(text);
    for (pattern, with) in PATTERNS.iter() {
        if let std::borrow::Cow::Owned(masked) = pattern.replace_all(&text, *with) {
            text = masked.into();
        }
    }
    text.into_owned()
}

static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let name =
        r"(?:[\w-]*(?:secret|password|passwd|token|cookie|api[_-]?key|private[_-]?key|birth[_-]?date))";
    let patterns = [
        // A header, or a line like one: everything up to the line's end.
        (r"(?im)\b((?:proxy-)?authorization|(?:set-)?cookie)(\s*:\s*)[^\r\n]+".to_owned(), "$1$2***"),
        // JSON and TOML: "name": "value", name = "value".
        (format!(r#"(?i)("?{name}"?\s*[:=]\s*)"(?:[^"\\]|\\.)*""#), r#"$1"***""#),
        // Forms and queries: name=value.
        (format!(r#"(?i)\b({name}=)[^&\s"'<>*]+"#), "$1***"),
        (r"(?i)\b(bearer\s+)[A-Za-z0-9._~+/=-]+".to_owned(), "$1***"),
        (r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?".to_owned(), "***"),
        (r"(?i)\b[0-9a-f]{32,}\b".to_owned(), "***"),
    ];
    patterns
        .into_iter()
        .map(|(pattern, with)| (Regex::new(&pattern).expect("a constant pattern"), with))
        .collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_wherever_they_stand() {
        let link = "0123456789abcdef0123456789abcdef01234567";
        for (text, masked) in [
            ("Authorization: Bearer abc.def", "Authorization: ***"),
            ("GET /x\r\nCookie: s=1; t=2\r\nHost: a", "GET /x\r\nCookie: ***\r\nHost: a"),
            (r#"{"access_token":"a\"b","n":1}"#, r#"{"access_token":"***","n":1}"#),
            ("client_secret = \"x\"", "client_secret = \"***\""),
            ("client_id=lab-1&client_secret=hush&x=1", "client_id=lab-1&client_secret=***&x=1"),
            ("birth_date=1985-05-14", "birth_date=***"),
            (r#""birth_date": "1985-05-14""#, r#""birth_date": "***""#),
            ("sent with bearer abc-def, refused", "sent with bearer ***, refused"),
            ("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln is expired", "*** is expired"),
        ] {
            assert_eq!(mask(text), masked);
        }
        assert_eq!(mask(&format!("GET /p/{link}/result")), "GET /p/***/result");
    }

    #[test]
    fn what_is_no_secret_stays() {
        for text in [
            "status 503: queue full, retry after 5 s",
            "token expired",
            "path = \"/v1/results\"",
            "id 0123456789abcdef",
            "tokens per second = 5",
        ] {
            assert_eq!(mask(text), text);
        }
    }

    #[test]
    fn masking_twice_changes_nothing_more() {
        let once = mask("password=abc; Set-Cookie: x");
        assert_eq!(mask(&once), once);
    }
}
