//! Decompression that is bounded, whole and unambiguous: one message has one compressed form of a given compressor.

use std::io::Read;

use flate2::read::ZlibDecoder;

use super::NotValid;

/// Largest message after decompression, in bytes: ten times what a certificate needs.
pub(super) const LARGEST_MESSAGE: usize = 32_768;

/// Bytes of a zlib stream (RFC 1950) before and after its data: its header and its checksum.
const HEADER: usize = 2;
const CHECKSUM: usize = 4;

/// The message in a zlib stream.
pub(super) fn inflate(compressed: &[u8]) -> Result<Vec<u8>, NotValid> {
    let message = inflated(compressed)?;
    if has_loose_bits(compressed, &message) {
        return Err(NotValid::Malformed("compressed with zlib: bits that mean nothing are set"));
    }
    Ok(message)
}

fn inflated(compressed: &[u8]) -> Result<Vec<u8>, NotValid> {
    let mut message = Vec::new();
    let mut zlib = ZlibDecoder::new(compressed);
    let bound = LARGEST_MESSAGE as u64 + 1;
    zlib.by_ref()
        .take(bound)
        .read_to_end(&mut message)
        .map_err(|_| NotValid::Malformed("compressed with zlib"))?;
    if message.len() > LARGEST_MESSAGE {
        return Err(NotValid::TooLarge("its message", LARGEST_MESSAGE));
    }
    if zlib.total_in() != compressed.len() as u64 {
        return Err(NotValid::Malformed("one compressed message: something follows it"));
    }
    Ok(message)
}

/// Whether one of the bits is set that a decoder skips up to the end of a byte (RFC 1951, section 3.2): those behind the
/// last code, and those in the header of a stored block that comes first. A text with such a bit flipped would be read as
/// before, although it was changed.
fn has_loose_bits(compressed: &[u8], message: &[u8]) -> bool {
    let Some(last) = compressed.len().checked_sub(CHECKSUM + 1).filter(|last| *last >= HEADER) else {
        return false;
    };
    let first = compressed[HEADER];
    if first & 0b110 == 0 {
        return first >> 3 != 0;
    }
    let mut other = compressed.to_vec();
    for bit in (0..8).rev().map(|bit| 1 << bit) {
        other[last] = compressed[last] ^ bit;
        if !inflated(&other).is_ok_and(|read| read == message) {
            return false;
        }
        if compressed[last] & bit != 0 {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::*;

    fn deflate(message: &[u8], level: u32) -> Vec<u8> {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::new(level));
        zlib.write_all(message).unwrap();
        zlib.finish().unwrap()
    }

    #[test]
    fn a_stream_with_any_bit_flipped_is_refused() {
        for (message, level) in
            [(&b"a message, a message"[..], 0), (b"a message, a message", 1), (b"short", 6), (b"", 6)]
        {
            let compressed = deflate(message, level);
            assert_eq!(inflate(&compressed).unwrap(), message);
            for place in HEADER..compressed.len() {
                for bit in 0..8 {
                    let mut spoilt = compressed.clone();
                    spoilt[place] ^= 1 << bit;
                    assert!(inflate(&spoilt).is_err(), "level {level}, byte {place}, bit {bit}");
                }
            }
        }
    }
}
