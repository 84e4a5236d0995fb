//! JSON and numbers appended to a buffer, without building a value first.

use crate::rng::Key;

/// Appends a number with leading zeros up to `width` digits.
pub(super) fn digits(out: &mut Vec<u8>, value: u64, width: usize) {
    let mut buffer = [b'0'; 20];
    let (mut at, mut rest) = (buffer.len(), value);
    while rest > 0 {
        at -= 1;
        buffer[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&buffer[at.min(buffer.len() - width)..]);
}

/// Appends a number as `width` hexadecimal digits, the lowest ones.
pub(super) fn hex(out: &mut Vec<u8>, value: u64, width: u32) {
    out.extend((0..width).rev().map(|digit| b"0123456789abcdef"[(value >> (4 * digit)) as usize & 15]));
}

/// Appends a UUID of version 8 (RFC 9562): 122 bits of a key.
pub(super) fn uuid(out: &mut Vec<u8>, key: Key) {
    let (high, low) = (key.with(0).bits(), key.with(1).bits());
    let high = high & !0xF000 | 0x8000;
    let low = low & !(0b11 << 62) | 0b10 << 62;
    hex(out, high >> 32, 8);
    for (value, width) in [(high >> 16, 4), (high, 4), (low >> 48, 4), (low, 12)] {
        out.push(b'-');
        hex(out, value, width);
    }
}

/// Appends a text as a JSON string, quotes included (RFC 8259, section 7).
pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for &byte in text.as_bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0..0x20 => {
                out.extend_from_slice(b"\\u");
                hex(out, u64::from(byte), 4);
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// Appends `"name":"text",` without a look at the text, which must need no escapes.
pub(super) fn plain_field(out: &mut Vec<u8>, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":\"");
    write(out);
    out.extend_from_slice(b"\",");
}

/// Replaces the comma after the last field by the brace that ends the object.
pub(super) fn close(out: &mut [u8]) {
    if let Some(last) = out.last_mut() {
        *last = b'}';
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_string_is_read_as_it_was_written(text: String) {
            let mut out = Vec::new();
            string(&mut out, &text);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }

        #[test]
        fn numbers_have_their_digits(value: u64, width in 0..20_usize) {
            let mut out = Vec::new();
            digits(&mut out, value, width);
            prop_assert_eq!(String::from_utf8(out).unwrap(), format!("{value:0width$}", width = width.max(1)));
        }
    }
}
