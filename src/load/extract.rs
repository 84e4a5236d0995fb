//! What stands where in an answer or a message: JSON pointers, headers, cookies, regular expressions.

use std::cell::OnceCell;

use serde_json::Value;

use super::answer::Headers;
use crate::scenario::Extract;

/// A received text that several extracts look into; its JSON is parsed once, at the first need.
#[derive(Debug)]
pub(super) struct Text<'a> {
    headers: Option<&'a Headers>,
    body: &'a [u8],
    json: OnceCell<Option<Value>>,
}

impl<'a> Text<'a> {
    /// An answer.
    pub(super) fn answer(headers: &'a Headers, body: &'a [u8]) -> Self {
        Self { headers: Some(headers), body, json: OnceCell::new() }
    }

    /// A message, of which only the body is looked at.
    pub(super) fn message(body: &'a [u8]) -> Self {
        Self { headers: None, body, json: OnceCell::new() }
    }

    /// The first value at a place, if there is one.
    pub(super) fn first(&self, place: &Extract) -> Option<String> {
        self.all(place).into_iter().next()
    }

    /// All values at a place: a pointer with `*` may name many.
    pub(super) fn all(&self, place: &Extract) -> Vec<String> {
        match place {
            Extract::Json(pointer) => self.json(pointer),
            Extract::Header(name) => {
                let value = self.headers.and_then(|headers| headers.get(name));
                value.map(str::to_owned).into_iter().collect()
            }
            Extract::Cookie(name) => self.cookie(name).into_iter().collect(),
            Extract::Regex(regex) => {
                let body = String::from_utf8_lossy(self.body);
                let found = regex.captures_iter(&body);
                let found = found.filter_map(|captures| captures.get(1).or_else(|| captures.get(0)));
                found.map(|found| found.as_str().to_owned()).collect()
            }
        }
    }

    /// The texts at a JSON pointer: strings as they are, numbers and truth values as JSON writes them.
    pub(super) fn json(&self, pointer: &str) -> Vec<String> {
        let json = self.json.get_or_init(|| serde_json::from_slice(self.body).ok());
        let mut found = Vec::new();
        if let Some(json) = json {
            follow(json, pointer, &mut found);
        }
        found
    }

    /// RFC 6265, section 5.2: the value is between the first `=` and the first `;`.
    fn cookie(&self, name: &str) -> Option<String> {
        let cookies = self.headers?.get_all("set-cookie");
        cookies
            .filter_map(|cookie| cookie.split(';').next()?.split_once('='))
            .find(|(key, _)| key.trim() == name)
            .map(|(_, value)| value.trim().to_owned())
    }
}

/// RFC 6901, and `*` for every element of an array.
fn follow(value: &Value, pointer: &str, found: &mut Vec<String>) {
    let Some(rest) = pointer.strip_prefix('/') else {
        match value {
            Value::String(text) => found.push(text.clone()),
            Value::Number(_) | Value::Bool(_) => found.push(value.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => {}
        }
        return;
    };
    let (token, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match value {
        Value::Array(elements) if token == "*" => {
            elements.iter().for_each(|element| follow(element, rest, found));
        }
        Value::Array(elements) => {
            let element = token.parse::<usize>().ok().and_then(|index| elements.get(index));
            element.into_iter().for_each(|element| follow(element, rest, found));
        }
        Value::Object(members) => {
            let member = members.get(&token.replace("~1", "/").replace("~0", "~"));
            member.into_iter().for_each(|member| follow(member, rest, found));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn a_pointer_with_a_star_names_every_element() {
        let body = br#"{"results":[{"receipt":"a","n":1},{"receipt":"b"},{"other":0}],"a/b":{"~":true}}"#;
        let text = Text::message(body);
        assert_eq!(text.json("/results/*/receipt"), ["a", "b"]);
        assert_eq!(text.json("/results/0/n"), ["1"]);
        assert_eq!(text.json("/a~1b/~0"), ["true"]);
        for nothing in ["/results/3/receipt", "/results", "/none", "", "/results/*"] {
            assert!(text.json(nothing).is_empty(), "{nothing}");
        }
        assert!(Text::message(b"not json").json("/a").is_empty());
    }

    #[test]
    fn cookies_headers_and_groups_are_found() {
        let headers = Headers::of_lines(Bytes::from_static(
            b"Set-Cookie: a=1; Path=/\r\nset-cookie: session=x=y; HttpOnly\r\nlocation: /next\r\n",
        ));
        let text = Text::answer(&headers, b"go to http://x/p/00ff and stay");
        assert_eq!(text.first(&Extract::Cookie("session".into())).unwrap(), "x=y");
        assert_eq!(text.first(&Extract::Cookie("a".into())).unwrap(), "1");
        assert_eq!(text.first(&Extract::Cookie("path".into())), None);
        assert_eq!(text.first(&Extract::Header("Location".into())).unwrap(), "/next");
        let regex = |pattern| Extract::Regex(regex::Regex::new(pattern).unwrap());
        assert_eq!(text.first(&regex("/p/([0-9a-f]+)")).unwrap(), "00ff");
        assert_eq!(text.first(&regex("st.y")).unwrap(), "stay");
        assert_eq!(text.first(&regex("(q)")), None);
    }
}
