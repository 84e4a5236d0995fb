//! What of a request or an answer is shown to people: one line of it, secrets masked.

use crate::record::mask;

/// At most `limit` characters of a body on one line, secrets masked; what is no text is counted instead.
pub(super) fn excerpt(body: &[u8], limit: usize) -> String {
    let Ok(text) = std::str::from_utf8(body) else {
        return format!("({} bytes that are no text)", body.len());
    };
    // Masked before it is cut: half a token would no longer look like one.
    let words: Vec<&str> = text.split_whitespace().collect();
    let masked = mask(&words.join(" "));
    if masked.chars().count() <= limit {
        return masked;
    }
    masked.chars().take(limit).chain("…".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_becomes_one_short_line_without_secrets() {
        assert_eq!(excerpt(b"  a\n b\t\tc ", 10), "a b c");
        assert_eq!(excerpt(b"abcdefgh", 4), "abcd…");
        assert_eq!(excerpt(&[0xff, 0xfe], 10), "(2 bytes that are no text)");
        assert_eq!(excerpt(b"", 10), "");
        let secret = excerpt(br#"{"access_token": "abcdefghijklmnop"}"#, 30);
        assert!(!secret.contains("abcd"), "{secret}");
    }
}
