//! The certificate as a picture: its code, black on white, as PNG with one bit a pixel.

use png::{BitDepth, ColorType, Compression, Encoder};

use super::code::Code;

/// Pixels of a module's side: large enough for a telephone's camera on any screen.
const SCALE: usize = 6;

/// The pixels of a row of a light module, as bits.
const LIGHT: u32 = (1 << SCALE) - 1;

/// White modules around the code (ISO 18004 asks for four).
const QUIET: usize = 4;

/// Draws a row of the code into a row of pixels that is white: bits gather at the lower end of a word, and leave it byte
/// by byte.
fn draw(code: &Code, y: usize, row: &mut [u8]) {
    let (mut word, mut bits) = (0_u32, 0);
    let mut bytes = row.iter_mut();
    let modules = (0..code.side + 2 * QUIET)
        .map(|x| x.checked_sub(QUIET).filter(|x| *x < code.side).is_some_and(|x| code.is_dark(x, y)));
    for dark in modules {
        word = word << SCALE | if dark { 0 } else { LIGHT };
        bits += SCALE;
        while bits >= 8 {
            bits -= 8;
            if let Some(byte) = bytes.next() {
                *byte = (word >> bits).to_le_bytes()[0];
            }
        }
    }
    if let Some(byte) = bytes.next() {
        *byte = (word << (8 - bits)).to_le_bytes()[0] | 0xff >> bits;
    }
}

/// The picture; `None` when it could not be written.
pub(super) fn png(code: &Code) -> Option<Vec<u8>> {
    let modules = code.side + 2 * QUIET;
    let side = modules * SCALE;
    let stride = side.div_ceil(8);
    let mut pixels = vec![0xff; stride * side];
    for y in 0..code.side {
        let row = (y + QUIET) * SCALE * stride;
        draw(code, y, &mut pixels[row..row + stride]);
        for copy in 1..SCALE {
            pixels.copy_within(row..row + stride, row + copy * stride);
        }
    }
    let side = u32::try_from(side).ok()?;
    let mut file = Vec::with_capacity(8_192);
    let mut encoder = Encoder::new(&mut file, side, side);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::One);
    encoder.set_compression(Compression::Fast);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&pixels).ok()?;
    writer.finish().ok()?;
    Some(file)
}

#[cfg(test)]
mod tests {
    use super::super::code::code;
    use super::*;

    #[test]
    fn every_module_is_a_square_of_its_colour() {
        let code = code(&format!("HC1:{}", "A".repeat(500))).unwrap();
        let file = png(&code).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut pixels).unwrap();
        let side = (code.side + 2 * QUIET) * SCALE;
        assert_eq!((frame.width, frame.height, frame.line_size), (558, 558, side.div_ceil(8)));
        for y in 0..side {
            for x in 0..side {
                let is_dark = pixels[y * frame.line_size + x / 8] & (0x80 >> (x % 8)) == 0;
                let module =
                    |pixel: usize| (pixel / SCALE).checked_sub(QUIET).filter(|module| *module < code.side);
                let expected = module(x).zip(module(y)).is_some_and(|(x, y)| code.is_dark(x, y));
                assert_eq!(is_dark, expected, "pixel {x}, {y}");
            }
        }
    }
}
