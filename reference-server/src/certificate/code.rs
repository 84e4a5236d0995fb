//! The QR code of a text: alphanumeric, error correction level Q.

use qrcodegen::{Mask, QrCode, QrCodeEcc, QrSegment, Version};

/// The mask that is always taken. Scoring all eight costs twenty times as much as the rest, and readers take any.
const MASK: u8 = 3;

/// A square of light and dark modules, row by row, one bit each, the first one the highest of its byte; 1 is light. A
/// row begins on a byte; what fills its last byte is light.
#[derive(Debug)]
pub(super) struct Code {
    /// Modules of a side: 85 for a test certificate of usual length.
    pub(super) side: usize,
    /// All rows.
    pub(super) bits: Vec<u8>,
}

impl Code {
    /// Bytes of a row.
    pub(super) fn stride(&self) -> usize {
        self.side.div_ceil(8)
    }

    /// Whether the module in this column and row is dark.
    pub(super) fn is_dark(&self, x: usize, y: usize) -> bool {
        self.bits[y * self.stride() + x / 8] & (0x80 >> (x % 8)) == 0
    }
}

/// The code of a text; `None` when no code is large enough or it has other characters than those of base45.
pub(super) fn code(text: &str) -> Option<Code> {
    if !QrSegment::is_alphanumeric(text) {
        return None;
    }
    let segments = [QrSegment::make_alphanumeric(text)];
    let symbol = QrCode::encode_segments_advanced(
        &segments,
        QrCodeEcc::Quartile,
        Version::MIN,
        Version::MAX,
        Some(Mask::new(MASK)),
        false,
    )
    .ok()?;
    let side = usize::try_from(symbol.size()).ok()?;
    let stride = side.div_ceil(8);
    let mut bits = vec![0xff; stride * side];
    for (y, row) in (0..symbol.size()).zip(bits.chunks_exact_mut(stride)) {
        for (left, byte) in (0..symbol.size()).step_by(8).zip(row) {
            for (bit, x) in (left..symbol.size().min(left + 8)).enumerate() {
                // No branch: which modules are dark cannot be foreseen.
                *byte ^= u8::from(symbol.get_module(x, y)) << (7 - bit);
            }
        }
    }
    Some(Code { side, bits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_of_usual_length_is_a_code_of_85_modules() {
        let code = code(&format!("HC1:{}", "A".repeat(500))).unwrap();
        assert_eq!((code.side, code.stride(), code.bits.len()), (85, 11, 935));
        // The finder pattern in the upper left corner: dark, light, dark.
        assert!(code.is_dark(0, 0) && !code.is_dark(1, 1) && code.is_dark(2, 2));
    }

    #[test]
    fn what_does_not_fit_has_no_code() {
        assert!(code("lower case").is_none());
        assert!(code(&"A".repeat(5_000)).is_none());
    }
}
