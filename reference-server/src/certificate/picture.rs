//! The certificate as a picture: its code, black on white, as PNG with one bit a pixel.

use png::{BitDepth, ColorType, Compression, Encoder};

use super::code::Code;

/// Pixels of a module's side: large enough for a telephone's camera on any screen.
const SCALE: usize = 6;

/// White modules around the code (ISO 18004 asks for four).
const QUIET: usize = 4;

/// The picture; `None` when it could not be written.
pub(super) fn png(code: &Code) -> Option<Vec<u8>> {
    let modules = code.side + 2 * QUIET;
    let side = modules * SCALE;
    let stride = side.div_ceil(8);
    let mut pixels = vec![0xff; stride * side];
    for y in 0..code.side {
        let top = (y + QUIET) * SCALE;
        let row = top * stride;
        for x in (0..code.side).filter(|x| code.is_dark(*x, y)) {
            for pixel in (x + QUIET) * SCALE..(x + QUIET + 1) * SCALE {
                pixels[row + pixel / 8] &= !(0x80 >> (pixel % 8));
            }
        }
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
