//! Figures of other codecs that were measured elsewhere, quoted with where they come from.
//!
//! Not every machine has the programs of other codecs, and a curve alone says little. They are kept
//! apart from what is measured, and a plot draws them dashed.

use nc_core::{Error, Result};
use serde::Deserialize;

use crate::video::Clip;

/// All quoted figures of video.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchors {
    /// How and where they were measured.
    pub measured: String,
    /// By clip.
    pub clips: Vec<ClipAnchors>,
}

/// Figures on one clip, and what is to be said of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClipAnchors {
    /// File name without its ending.
    pub stem: String,
    /// SHA-256 of the Y4M file.
    pub sha256: String,
    /// Frames.
    pub frames: usize,
    /// Samples across and down.
    pub size: [u32; 2],
    /// Bits for a pixel that the file had which the clip was made from, where it was compressed.
    #[serde(default)]
    pub source_bpp: Option<f64>,
    /// What a reader of its figures has to know.
    #[serde(default)]
    pub remark: Option<String>,
    /// Who is to be named where its pictures are shown; where nobody is, they are not shown.
    #[serde(default)]
    pub credit: Option<String>,
    /// The curves.
    pub codecs: Vec<Anchor>,
}

/// One codec's figures.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// Codec.
    pub name: String,
    /// How it was called.
    pub arguments: String,
    /// Bytes, PSNR of brightness, PSNR of planes at 4:1:1.
    pub points: Vec<(u64, f64, f64)>,
}

impl Anchors {
    /// The quoted figures of video.
    ///
    /// # Errors
    /// Format, where the file that this was built with is damaged.
    pub fn video() -> Result<Self> {
        serde_json::from_str(include_str!("../anchors/video.json"))
            .map_err(|e| Error::Format(format!("anchors/video.json: {e}").into()))
    }

    /// What there is of a clip: by its hash, or by its name where size and length are right too, as
    /// another program may write another first line.
    pub fn of(&self, clip: &Clip) -> Option<&ClipAnchors> {
        let format = clip.video.format;
        self.clips.iter().find(|c| {
            c.sha256 == clip.sha256
                || c.stem == clip.name
                    && c.frames == clip.frames()
                    && c.size == [format.width, format.height]
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn every_curve_rises() {
        let all = Anchors::video().unwrap();
        assert_eq!(all.clips.len(), 2);
        for codec in all.clips.iter().flat_map(|c| &c.codecs) {
            assert!(codec.points.len() >= 4, "{}", codec.name);
            for pair in codec.points.windows(2) {
                assert!(pair[0].0 > pair[1].0 && pair[0].1 > pair[1].1 && pair[0].2 > pair[1].2);
            }
        }
    }

    #[test]
    fn clips_are_known_by_hash_or_by_name_and_size() {
        let all = Anchors::video().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mine.y4m");
        let file = [b"YUV4MPEG2 W4 H4 F25:1 Cmono\nFRAME\n".as_slice(), &[0; 16]].concat();
        std::fs::write(&path, file).unwrap();
        let mut clip = crate::video::read(&path).unwrap();
        clip.sha256 = all.clips[0].sha256.clone();
        assert_eq!(all.of(&clip).unwrap().stem, all.clips[0].stem);
        clip.sha256.clear();
        clip.name = all.clips[0].stem.clone();
        assert!(all.of(&clip).is_none());
    }
}
