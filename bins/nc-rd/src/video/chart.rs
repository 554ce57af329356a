//! Plots of one clip as PNG: quality against rate, and against encoding time.

use anyhow::Result;
use nc_corpora::anchors::ClipAnchors;
use nc_corpora::video::Clip;

use super::rows::Row;
use crate::chart::{Frame, Series, plot_png};

/// Quality against rate: a line for each codec and setting.
///
/// # Errors
/// No points, drawing.
pub fn rates(clip: &Clip, rows: &[Row], known: Option<&ClipAnchors>) -> Result<Vec<u8>> {
    let timed = clip.seconds().is_some();
    let frames = clip.frames().max(1) as f64;
    let at = |r: &Row| {
        let rate = if timed {
            r.kbps?
        } else {
            r.bytes? as f64 / frames
        };
        Some((rate, r.psnr_yuv.filter(|v| v.is_finite())?))
    };
    let mut lines: Vec<Series> = Vec::new();
    for row in rows {
        let Some(point) = at(row) else { continue };
        let name = format!("{}, {}", row.codec, row.setting);
        match lines.iter_mut().find(|l| l.name == name) {
            Some(line) => line.points.push(point),
            None => lines.push(Series {
                name,
                points: vec![point],
                quoted: row.quoted,
                ..Series::default()
            }),
        }
    }
    let source = known.and_then(|k| k.source_bpp).zip(clip.seconds());
    let mark = source.map(|(bpp, s)| {
        (
            bpp * clip.pixels() / s / 1000.0,
            "the source's bits a pixel".to_owned(),
        )
    });
    let mut foot = Vec::new();
    if lines.iter().any(|l| l.quoted) {
        foot.push(
            "Dashed: quoted, measured on a 2-core machine with another build; bytes of the video packets"
                .into(),
        );
    }
    foot.extend(remark(known));
    let frame = Frame {
        title: format!("{}: PSNR YUV 4:1:1 in dB against rate", clip.name),
        x: if timed {
            "kbit/s, bytes on disk".into()
        } else {
            "bytes a frame, on disk".into()
        },
        mark,
        foot,
        ..Frame::default()
    };
    plot_png(&frame, &lines)
}

/// Quality against encoding time: a line for each size that was asked for, a point for each setting.
///
/// # Errors
/// No points, drawing.
pub fn times(clip: &Clip, rows: &[Row], known: Option<&ClipAnchors>) -> Result<Vec<u8>> {
    let mut lines: Vec<Series> = Vec::new();
    for row in rows {
        let quality = row.psnr_yuv.filter(|v| v.is_finite());
        let Some(point) = row.encode_s.zip(quality) else {
            continue;
        };
        // Lines of the fair table take the same time and are told apart by colour.
        let (name, label) = if row.seed {
            let name = format!("{}, {}, {}", row.codec, row.setting, row.point);
            (name, String::new())
        } else if row.codec.starts_with("nc ") {
            (format!("{}, {}", row.codec, row.point), row.setting.clone())
        } else {
            (format!("{}, {}", row.codec, row.setting), row.point.clone())
        };
        match lines.iter_mut().find(|l| l.name == name) {
            Some(line) => {
                line.points.push(point);
                line.labels.push(label);
            }
            None => lines.push(Series {
                name,
                points: vec![point],
                labels: vec![label],
                ..Series::default()
            }),
        }
    }
    let frame = Frame {
        title: format!("{}: PSNR YUV 4:1:1 in dB against time", clip.name),
        x: "seconds to encode".into(),
        foot: remark(known).into_iter().collect(),
        ..Frame::default()
    };
    plot_png(&frame, &lines)
}

fn remark(known: Option<&ClipAnchors>) -> Option<String> {
    Some(format!("Remark: {}", known?.remark.as_deref()?))
}
