//! A plot as PNG, for where SVG is not shown: its SVG, rasterized with a font that is part of the program, so that it looks
//! the same on every machine.
//!
//! The font's licence is beside it (`raster/OFL.txt`).

use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::fontdb::Database;
use resvg::usvg::{Options, Tree};

/// Pixels of a picture in a CSS pixel: sharp on paper and on screens of today.
const SCALE: f32 = 2.0;
const FONT: &str = "Peakday Sans";
const FACES: [&[u8]; 2] = [include_bytes!("raster/regular.ttf"), include_bytes!("raster/bold.ttf")];

static FONTS: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    FACES.into_iter().for_each(|face| fonts.load_font_data(face.to_vec()));
    // The last of the families that a plot names; no other is there.
    fonts.set_sans_serif_family(FONT);
    Arc::new(fonts)
});

/// The picture of an SVG without variables in its style.
///
/// # Errors
/// It is no SVG, or larger than any picture: a mistake in a plot.
pub(super) fn png(svg: &str) -> Result<Vec<u8>, String> {
    let options = Options { fontdb: Arc::clone(&FONTS), font_family: FONT.to_owned(), ..Options::default() };
    let tree = Tree::from_str(svg, &options).map_err(|error| error.to_string())?;
    let pixels = |length: f32| (length * SCALE).ceil() as u32;
    let (width, height) = (pixels(tree.size().width()), pixels(tree.size().height()));
    let mut picture = Pixmap::new(width, height).ok_or_else(|| format!("{width} x {height} pixels"))?;
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut picture.as_mut());
    picture.encode_png().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::drawing::Drawing;

    #[test]
    fn a_picture_has_the_letters_and_lines_of_its_drawing() {
        let line = "<path d=\"M20 40l60 0\" class=\"k s1\" stroke=\"#0072b2\" stroke-width=\"2\"/>\n";
        let bent = "<path d=\"M20 50l30 20l30 -20\" class=\"k s1\" stroke=\"#0072b2\" stroke-width=\"2\"/>\n";
        let drawing = Drawing::new(100.0, 80.0, format!("{line}{bent}"));
        let picture = |title: &str| Pixmap::decode_png(&png(&drawing.plain(title, "")).unwrap()).unwrap();
        let (blank, titled) = (picture(""), picture("W"));
        assert_eq!(titled.width(), 200);
        let from_below = |picture: &Pixmap, x: u32, y: u32| {
            let pixel = picture.pixel(x, picture.height() - 160 + 2 * y - 32).unwrap();
            [pixel.red(), pixel.green(), pixel.blue()]
        };
        assert_eq!(from_below(&titled, 2, 2), [255; 3], "white paper");
        assert_eq!(from_below(&titled, 100, 40), [0x00, 0x72, 0xb2], "on the line");
        assert_eq!(from_below(&titled, 100, 55), [255; 3], "a bent line is not filled");
        let ink = |picture: &Pixmap| picture.pixels().iter().filter(|pixel| pixel.red() < 100).count();
        assert!(ink(&titled) > ink(&blank) + 60, "a letter leaves ink: {} {}", ink(&titled), ink(&blank));
    }
}
