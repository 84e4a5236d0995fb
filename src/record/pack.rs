//! Packs lengths into lines of an HdrHistogram interval log.
//!
//! The package `hdrhistogram` reads these lines (and its tests here check them), but it packs a histogram by walking
//! over all of its tens of thousands of counters and starts a compressor for each: hundreds of lines a second would
//! stop the generator for tens of milliseconds each second. The values of one interval are few, so they are sorted
//! (`values.rs`) and written as they stand, and read back so, in the same form: HdrHistogram's V2 encoding (counts as zig-zag LEB128, runs of empty
//! counters as negative numbers) in a zlib stream of stored blocks (RFC 1950, RFC 1951 3.2.4), as base64.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::values::Values;
use crate::units::{Offset, Span};

const V2: u32 = 0x1C84_9313;
const V2_COMPRESSED: u32 = 0x1C84_9314;
const DIGITS: u32 = 3;
/// Counters of a bucket, and half of them: the least power of two that tells 2 x 10^3 values apart.
const SUB_BUCKETS: u64 = 2_048;
const HALF: u64 = SUB_BUCKETS / 2;
/// A hundred thousand years in microseconds; the package takes values up to 2^62.
pub(super) const LARGEST: u64 = 1 << 61;
/// Largest block that deflate stores.
const STORED: usize = 65_535;

/// Appends an interval's line to a log. `tag` has neither commas nor blanks; there are lengths; an interval before time 0
/// is written at 0.
pub(super) fn append(log: &mut String, tag: &str, start: Offset, length: Span, lengths: &mut Values) {
    let counters = lengths.counters();
    let (start, length) = (start.since(Offset::ZERO).secs_f64(), length.secs_f64());
    let most = counters.last().map_or(0, |(most, _)| last_of(*most));
    write!(log, "Tag={tag},{start:.3},{length:.3},{most}.0,").expect("a String takes any text");
    STANDARD.encode_string(zlib(&encode(&counters, most)), log);
    log.push('\n');
}

/// The counters of a histogram in the form that [`append`] writes; `None` of any other, which the package may know.
pub(super) fn unpack(mut packed: &[u8]) -> Option<Vec<u64>> {
    let cookie = u32::from_be_bytes(take(&mut packed)?);
    let length = u32::from_be_bytes(take(&mut packed)?);
    let plain = stored(packed.get(..length as usize)?)?;
    let mut rest = plain.as_slice();
    let (inner, length) = (u32::from_be_bytes(take(&mut rest)?), u32::from_be_bytes(take(&mut rest)?));
    let (offset, digits) = (u32::from_be_bytes(take(&mut rest)?), u32::from_be_bytes(take(&mut rest)?));
    let (lowest, _) = (u64::from_be_bytes(take(&mut rest)?), take::<8>(&mut rest)?);
    let ratio: [u8; 8] = take(&mut rest)?;
    let is_ours = (cookie, inner, offset, digits, lowest) == (V2_COMPRESSED, V2, 0, DIGITS, 1);
    if !is_ours || ratio != 1_f64.to_be_bytes() || length as usize != rest.len() {
        return None;
    }
    let (mut counters, mut at) = (Vec::new(), 0);
    while !rest.is_empty() {
        let number = read_varint(&mut rest)?;
        let (half, is_empty) = ((number >> 1) as usize, number & 1 == 1);
        if at > index(LARGEST) as usize {
            return None;
        }
        if is_empty || half == 0 {
            at += half + 1;
        } else {
            counters.resize(at, 0);
            counters.push(half as u64);
            at += 1;
        }
    }
    Some(counters)
}

/// The V2 form of a histogram of counters; `most` is the largest value of the last.
fn encode(counters: &[(u64, u64)], most: u64) -> Vec<u8> {
    let mut counts = Vec::with_capacity(2 * counters.len());
    let mut next = 0;
    for (at, count) in counters {
        match at - next {
            0 => {}
            // A single empty counter is written as its count.
            1 => counts.push(0),
            empty => varint(zig_zag(-(empty as i64)), &mut counts),
        }
        varint(zig_zag(*count as i64), &mut counts);
        next = at + 1;
    }
    let mut bytes = Vec::with_capacity(40 + counts.len());
    bytes.extend_from_slice(&V2.to_be_bytes());
    bytes.extend_from_slice(&(counts.len() as u32).to_be_bytes());
    // Normalizing index offset.
    bytes.extend_from_slice(&0_u32.to_be_bytes());
    bytes.extend_from_slice(&DIGITS.to_be_bytes());
    // Lowest value told from 0; highest value: what readers make room for.
    bytes.extend_from_slice(&1_u64.to_be_bytes());
    bytes.extend_from_slice(&most.max(SUB_BUCKETS - 1).to_be_bytes());
    // Conversion ratio to the original unit.
    bytes.extend_from_slice(&1_f64.to_be_bytes());
    bytes.extend_from_slice(&counts);
    bytes
}

/// The number of the counter of a value.
pub(super) fn index(value: u64) -> u64 {
    let bucket = u64::from((SUB_BUCKETS - 1).leading_zeros() - (value | (SUB_BUCKETS - 1)).leading_zeros());
    bucket * HALF + (value >> bucket)
}

/// The smallest value of a counter.
pub(super) fn first_of(index: u64) -> u64 {
    let bucket = (index / HALF).saturating_sub(1);
    (index - bucket * HALF) << bucket
}

/// The largest value of a counter.
pub(super) fn last_of(index: u64) -> u64 {
    let bucket = (index / HALF).saturating_sub(1);
    ((index - bucket * HALF + 1) << bucket) - 1
}

fn zig_zag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// LEB128; all values here stay below 2^56, where the nine-byte form of HdrHistogram is the common one.
fn varint(mut value: u64, bytes: &mut Vec<u8>) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// A number that [`varint`] wrote, of at most eight bytes.
fn read_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..56).step_by(7) {
        let [byte] = take(bytes)?;
        value |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// The first bytes of some.
fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

/// The compressed form, compressed as little as may be.
fn zlib(bytes: &[u8]) -> Vec<u8> {
    // Deflate, window of 32 kB, fastest.
    let mut stream = vec![0x78, 0x01];
    let blocks = bytes.len().div_ceil(STORED);
    for (block, number) in bytes.chunks(STORED).zip(1..) {
        let length = block.len() as u16;
        stream.push(u8::from(number == blocks));
        stream.extend_from_slice(&length.to_le_bytes());
        stream.extend_from_slice(&(!length).to_le_bytes());
        stream.extend_from_slice(block);
    }
    stream.extend_from_slice(&adler32(bytes).to_be_bytes());
    let mut packed = Vec::with_capacity(8 + stream.len());
    packed.extend_from_slice(&V2_COMPRESSED.to_be_bytes());
    packed.extend_from_slice(&(stream.len() as u32).to_be_bytes());
    packed.extend_from_slice(&stream);
    packed
}

/// What a zlib stream of stored blocks holds.
fn stored(mut stream: &[u8]) -> Option<Vec<u8>> {
    if take(&mut stream)? != [0x78, 0x01] {
        return None;
    }
    let mut bytes = Vec::with_capacity(stream.len());
    loop {
        let [kind] = take(&mut stream)?;
        let [length, complement] = [take(&mut stream)?, take(&mut stream)?].map(u16::from_le_bytes);
        let (block, rest) = stream.split_at_checked(usize::from(length))?;
        if kind > 1 || complement != !length {
            return None;
        }
        bytes.extend_from_slice(block);
        stream = rest;
        if kind == 1 {
            return (stream == adler32(&bytes).to_be_bytes()).then_some(bytes);
        }
    }
}

/// The checksum of RFC 1950.
fn adler32(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1_u32, 0_u32);
    // 5552 bytes are the most that cannot overflow 32 bits.
    for part in bytes.chunks(5_552) {
        for &byte in part {
            a += u32::from(byte);
            b += a;
        }
        (a, b) = (a % 65_521, b % 65_521);
    }
    b << 16 | a
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_checksum_is_that_of_the_example_everyone_uses() {
        assert_eq!(adler32(b"Wikipedia"), 0x11E6_0398);
    }

    #[test]
    fn what_no_single_block_holds_is_stored_in_several() {
        let bytes = vec![7; 3 * STORED];
        let packed = zlib(&bytes);
        assert_eq!(packed.len(), 8 + 2 + 3 * (5 + STORED) + 4);
        assert_eq!(
            (packed[10], packed[10 + 2 * (5 + STORED)]),
            (0, 1),
            "only the last is marked as the last"
        );
    }

    proptest! {
        #[test]
        fn a_counter_holds_its_value_and_ends_before_the_next(value in 0..1_u64 << 61) {
            let last = last_of(index(value));
            prop_assert!(last >= value);
            prop_assert_eq!(index(last), index(value));
            prop_assert_eq!(index(last + 1), index(value) + 1);
        }
    }
}
