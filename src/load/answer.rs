//! An answer as it came: status, header fields, body.

use bytes::Bytes;

/// An answer, with its whole body.
#[derive(Debug, Default)]
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) headers: Headers,
    pub(super) body: Bytes,
}

/// Header fields as they stood on the wire, `name: value` lines. They are looked through only where somebody asks: most
/// answers are judged by their status alone.
#[derive(Debug, Clone, Default)]
pub(super) struct Headers(Bytes);

impl Headers {
    /// The fields of a head whose lines a parser has found to be well-formed.
    pub(super) fn of_lines(lines: Bytes) -> Self {
        Self(lines)
    }

    /// The first value of a field, if there is one and it is text.
    pub(super) fn get<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.get_all(name).next()
    }

    /// The values of a field that are text, in order.
    pub(super) fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = move |(of, value): (&'a [u8], &'a [u8])| {
            of.eq_ignore_ascii_case(name.as_bytes()).then(|| std::str::from_utf8(value).ok()).flatten()
        };
        self.iter().filter_map(named)
    }

    /// All fields, in order: name and value.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.split(|byte| *byte == b'\n').filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            Some((&line[..colon], line[colon + 1..].trim_ascii()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_whatever_their_case_and_in_order() {
        let lines = Bytes::from_static(b"Set-Cookie: a=1\r\nX:\r\nset-cookie:  b=2 \r\nbad: \xff\r\n\r\n");
        let headers = Headers::of_lines(lines);
        assert_eq!(headers.get_all("SET-cookie").collect::<Vec<_>>(), ["a=1", "b=2"]);
        assert_eq!((headers.get("x"), headers.get("y"), headers.get("bad")), (Some(""), None, None));
        assert_eq!(headers.iter().count(), 4);
    }
}
