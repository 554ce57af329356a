//! One frame beside what came back of it, so that decibels can be looked at.
//!
//! Pictures stand at their own size, two in a row, the original first. Who made them is named under
//! them; a clip that is for measuring only is refused before anything is encoded.

use anyhow::{Context, Result, ensure};
use image::RgbImage;
use nc_core::Chroma;
use nc_corpora::anchors::ClipAnchors;
use nc_corpora::video::Clip;
use nc_media::video::picture::Painter;

use super::{MOST_SHOWN, Shown};
use crate::chart;

/// Pixels between pictures.
const GAP: u32 = 6;
/// A picture's place is no narrower, so that its text can be read.
const NARROWEST: u32 = 400;
/// Height of a line of text.
const LINE: u32 = 24;

/// Whether pictures of this frame may be made.
///
/// # Errors
/// A clip for measuring only, a frame that is not there.
pub fn allowed(clip: &Clip, known: Option<&ClipAnchors>, frame: usize) -> Result<()> {
    ensure!(
        known.is_none_or(|k| k.credit.is_some()),
        "{} is for measuring only: its pictures are not shown",
        clip.name
    );
    ensure!(
        frame < clip.frames(),
        "no frame {frame} in {}, which has {}",
        clip.name,
        clip.frames()
    );
    Ok(())
}

/// The picture as PNG: smallest, middle and largest file of those measured.
///
/// # Errors
/// Nothing to show; drawing.
pub fn draw(
    clip: &Clip,
    frame: usize,
    shown: &[Shown],
    known: Option<&ClipAnchors>,
) -> Result<Vec<u8>> {
    ensure!(!shown.is_empty(), "no frame came back to be shown");
    let format = clip.video.format;
    let original = clip.video.view().part(frame, frame + 1);
    let original = original.context("no such frame")?.samples;
    let mut panels = vec![(format!("original, frame {frame}"), paint(clip, original)?)];
    for s in chosen(shown) {
        panels.push((s.label.clone(), paint(clip, &s.samples)?));
    }
    let (w, h) = (format.width.max(NARROWEST), format.height);
    let rows = panels.len().div_ceil(2) as u32;
    let credit = known.and_then(|k| k.credit.as_deref());
    let foot = if credit.is_some() { LINE } else { 0 };
    let size = (2 * w + GAP, rows * (h + LINE) + foot);
    let mut out = RgbImage::from_pixel(size.0, size.1, image::Rgb([255; 3]));
    let mut texts = Vec::new();
    for (i, (label, picture)) in (0_u32..).zip(&panels) {
        let (x, y) = (i % 2 * (w + GAP), i / 2 * (h + LINE));
        image::imageops::replace(&mut out, picture, i64::from(x), i64::from(y + LINE));
        texts.push((label.as_str(), (x, y)));
    }
    texts.extend(credit.map(|c| (c, (0, rows * (h + LINE)))));
    chart::write_texts(&mut out, &texts, LINE)?;
    chart::png(&out)
}

/// A frame of a clip in colours, grey as three equal ones.
///
/// # Errors
/// Samples of another number than a frame has.
pub fn paint(clip: &Clip, samples: &[u16]) -> Result<RgbImage> {
    let format = clip.video.format;
    let mut bytes = Painter::new(&clip.head).paint(samples);
    if format.chroma == Chroma::Gray {
        bytes = bytes.into_iter().flat_map(|s| [s; 3]).collect();
    }
    RgbImage::from_raw(format.width, format.height, bytes).context("a frame of another size")
}

/// Smallest, largest, and what is between them.
fn chosen(shown: &[Shown]) -> Vec<&Shown> {
    let mut all: Vec<&Shown> = shown.iter().collect();
    all.sort_by_key(|s| s.bytes);
    let last = all.len().saturating_sub(1);
    let keep = all.len().min(MOST_SHOWN);
    let at = |i: usize| i * last / keep.saturating_sub(1).max(1);
    (0..keep).filter_map(|i| all.get(at(i)).copied()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn three_of_many_are_shown() {
        let shown = |sizes: &[u64]| -> Vec<u64> {
            let all: Vec<Shown> = sizes
                .iter()
                .map(|&bytes| Shown {
                    bytes,
                    label: String::new(),
                    samples: Vec::new(),
                })
                .collect();
            chosen(&all).iter().map(|s| s.bytes).collect()
        };
        assert_eq!(shown(&[5]), [5]);
        assert_eq!(shown(&[5, 1]), [1, 5]);
        assert_eq!(shown(&[3, 2, 1]), [1, 2, 3]);
        assert_eq!(shown(&[1, 2, 3, 4, 5]), [1, 3, 5]);
    }
}
