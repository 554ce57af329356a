//! Rows of one file each, and the table and JSON made of them.
//!
//! A curve has CompressAI's shape, `{name, description, results: {bpp: [...], psnr: [...], ...}}`; its
//! rates are sizes of files on disk over the clip's pixels.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Result;
use nc_corpora::anchors::{Anchor, ClipAnchors};
use nc_corpora::metrics::Psnr;
use nc_corpora::video::Clip;
use serde::Serialize;

use super::own::Coded;
use crate::report::Curve;

/// One clip at one point of one setting.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Row {
    /// Clip.
    pub clip: String,
    /// Codec, as in a legend.
    pub codec: String,
    /// Setting.
    pub setting: String,
    /// What was asked for.
    pub point: String,
    /// Version and how it was called.
    pub description: String,
    /// Whether it is a line of the fair table.
    pub seed: bool,
    /// Whether it was measured elsewhere.
    pub quoted: bool,
    /// Size of the file on disk.
    pub bytes: Option<u64>,
    /// Its bits over the clip's pixels.
    pub bpp: Option<f64>,
    /// Its kbit/s, where the clip has a rate.
    pub kbps: Option<f64>,
    /// PSNR of brightness.
    pub psnr_y: Option<f64>,
    /// PSNR of all planes at 4:1:1.
    pub psnr_yuv: Option<f64>,
    /// Wall time to encode.
    pub encode_s: Option<f64>,
    /// Frames decoded in a second on one thread.
    pub decode_fps: Option<f64>,
    /// What is to be said of it.
    pub note: Option<String>,
    /// Why there are no figures.
    pub error: Option<String>,
}

impl Row {
    /// Fills in a size and all that follows from it.
    fn sized(&mut self, clip: &Clip, bytes: u64, psnr: Psnr) {
        let bits = bytes as f64 * 8.0;
        self.bytes = Some(bytes);
        self.bpp = Some(bits / clip.pixels());
        self.kbps = clip.seconds().map(|s| bits / s / 1000.0);
        self.psnr_y = Some(psnr.y);
        self.psnr_yuv = Some(psnr.yuv);
    }

    /// Fills in what was measured.
    pub fn measured(&mut self, clip: &Clip, coded: &Coded, psnr: Psnr) {
        self.sized(clip, coded.bytes, psnr);
        self.encode_s = Some(coded.encode_s);
        self.decode_fps = Some(coded.decode_fps);
    }

    /// A line over a picture of it.
    pub fn label(&self) -> String {
        let mut out = format!("{}: {} bytes", self.codec, self.bytes.unwrap_or(0));
        if let Some(kbps) = self.kbps {
            let _ = write!(out, ", {kbps:.0} kbit/s");
        }
        if let Some(db) = self.psnr_yuv {
            let _ = write!(out, "; clip {db:.1} dB");
        }
        out
    }
}

/// Rows of quoted figures.
pub fn quoted(clip: &Clip, anchor: &Anchor, measured: &str) -> Vec<Row> {
    let row = |&(bytes, y, yuv): &(u64, f64, f64)| {
        let mut row = Row {
            clip: clip.name.clone(),
            codec: anchor.name.clone(),
            setting: "quoted".into(),
            description: format!("{}; {measured}", anchor.arguments),
            quoted: true,
            note: Some("measured elsewhere".into()),
            ..Row::default()
        };
        row.sized(clip, bytes, Psnr { y, yuv });
        row
    };
    anchor.points.iter().map(row).collect()
}

/// A Markdown table of a clip's rows, with a line over it and what is to be said under it.
pub fn table(clip: &Clip, rows: &[Row], known: Option<&ClipAnchors>) -> String {
    let f = clip.video.format;
    let mut out = format!(
        "{}: {} x {}, {} frames",
        clip.name,
        f.width,
        f.height,
        clip.frames()
    );
    if let Some(fps) = f.fps() {
        let _ = write!(out, ", {fps:.2} a second");
    }
    out.push_str(
        "\n\n| codec | setting | asked for | bytes | kbit/s | PSNR Y | PSNR YUV | encode s | \
         decode fps, 1 thread | |\n| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n",
    );
    let number = |v: Option<f64>, digits: usize| {
        v.map_or_else(|| "-".to_string(), |v| format!("{v:.digits$}"))
    };
    for r in rows {
        let said = [r.note.as_deref(), r.error.as_deref()];
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            r.codec,
            r.setting,
            r.point,
            r.bytes.map_or_else(|| "-".into(), |b| b.to_string()),
            number(r.kbps, 1),
            number(r.psnr_y, 2),
            number(r.psnr_yuv, 2),
            number(r.encode_s, 1),
            number(r.decode_fps, 1),
            said.into_iter().flatten().collect::<Vec<_>>().join("; "),
        );
    }
    out.push('\n');
    // In the fair table a setting is only what differs.
    let same = rows.iter().find(|r| r.seed && r.setting == "default");
    if let Some(row) = same {
        let _ = writeln!(out, "All settings: {}.\n", row.description);
    }
    if let Some(remark) = known.and_then(|k| k.remark.as_deref()) {
        let _ = writeln!(out, "Remark: {remark}.\n");
    }
    out
}

/// A list of figures: its name and where it is in a row.
type Column = (&'static str, fn(&Row) -> Option<f64>);

const COLUMNS: [Column; 7] = [
    ("bpp", |r| r.bpp),
    ("psnr", |r| r.psnr_yuv),
    ("psnr_y", |r| r.psnr_y),
    ("bytes", |r| r.bytes.map(|b| b as f64)),
    ("kbps", |r| r.kbps),
    ("seconds", |r| r.encode_s),
    ("decode_fps", |r| r.decode_fps),
];

/// One curve for each clip, codec and setting.
fn curves(rows: &[&Row]) -> Vec<Curve> {
    let mut out: Vec<Curve> = Vec::new();
    for r in rows {
        let name = format!("{}: {}, {}", r.clip, r.codec, r.setting);
        let at = out.iter().position(|c| c.name == name).unwrap_or_else(|| {
            out.push(Curve {
                name,
                description: r.description.clone(),
                results: BTreeMap::new(),
            });
            out.len() - 1
        });
        if let Some(curve) = out.get_mut(at) {
            for (key, of) in COLUMNS {
                let list = curve.results.entry(key.to_string()).or_default();
                // JSON has no infinity, which equal video has.
                list.push(of(r).filter(|v| v.is_finite()));
            }
        }
    }
    out
}

/// A whole run as JSON.
///
/// # Errors
/// None that input reaches.
pub fn json(clips: &[&Clip], rows: &[&Row], skipped: Vec<String>) -> Result<Vec<u8>> {
    #[derive(Serialize)]
    struct OfClip<'a> {
        name: &'a str,
        sha256: &'a str,
        width: u32,
        height: u32,
        frames: usize,
        fps: Option<f64>,
    }
    #[derive(Serialize)]
    struct Report<'a> {
        clips: Vec<OfClip<'a>>,
        skipped: Vec<String>,
        curves: Vec<Curve>,
        rows: &'a [&'a Row],
    }
    let clips = clips.iter().map(|c| OfClip {
        name: &c.name,
        sha256: &c.sha256,
        width: c.video.format.width,
        height: c.video.format.height,
        frames: c.frames(),
        fps: c.video.format.fps(),
    });
    let report = Report {
        clips: clips.collect(),
        skipped,
        curves: curves(rows),
        rows,
    };
    Ok(serde_json::to_vec_pretty(&report)?)
}
