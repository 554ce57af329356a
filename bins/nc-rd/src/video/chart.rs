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

/// Quality against encoding time: a line for each size that was asked for, a point for each setting. Where nc was asked for
/// one size, every other codec is a point at that size, between its two nearest files: seconds of files of other
/// sizes say nothing beside it.
///
/// # Errors
/// No points, drawing.
pub fn times(clip: &Clip, rows: &[Row], known: Option<&ClipAnchors>) -> Result<Vec<u8>> {
    let mut lines: Vec<Series> = Vec::new();
    let size = one_size(rows);
    for row in rows {
        let quality = row.psnr_yuv.filter(|v| v.is_finite());
        let Some(point) = row.encode_s.zip(quality) else {
            continue;
        };
        // Lines of the fair table take the same time and are told apart by colour.
        let (name, label) = if row.seed {
            let name = format!("{}, {}, {}", row.codec, row.setting, row.point);
            (name, String::new())
        } else if is_own(row) {
            (format!("{}, {}", row.codec, row.point), row.setting.clone())
        } else if size.is_some() {
            continue;
        } else {
            (format!("{}, {}", row.codec, row.setting), row.point.clone())
        };
        add(&mut lines, name, point, label);
    }
    if let Some(bytes) = size {
        for (i, row) in rows.iter().enumerate() {
            let of = |r: &Row| r.codec == row.codec && r.setting == row.setting;
            let first = rows.iter().position(of) == Some(i);
            if let (true, false, Some((point, label))) =
                (first, is_own(row), at_size(rows, of, bytes))
            {
                let name = format!("{}, {}, at as many", row.codec, row.setting);
                add(&mut lines, name, point, label);
            }
        }
    }
    let frame = Frame {
        title: format!("{}: PSNR YUV 4:1:1 in dB against time", clip.name),
        x: "seconds to encode".into(),
        log: true,
        foot: remark(known).into_iter().collect(),
        ..Frame::default()
    };
    plot_png(&frame, &lines)
}

fn is_own(row: &Row) -> bool {
    row.codec.starts_with("nc ")
}

fn add(lines: &mut Vec<Series>, name: String, point: (f64, f64), label: String) {
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

/// The largest of nc's files, where all were asked for the same size in bytes.
fn one_size(rows: &[Row]) -> Option<u64> {
    let mut own = rows.iter().filter(|r| is_own(r) && r.bytes.is_some());
    let first = own.next().filter(|r| r.point.ends_with(" bytes"))?;
    let rest: Vec<&Row> = own.collect();
    let same = !first.seed && rest.iter().all(|r| r.point == first.point && !r.seed);
    let sizes = rest.into_iter().chain([first]).filter_map(|r| r.bytes);
    sizes.max().filter(|_| same)
}

/// Seconds and quality at a size, on the line in log bytes between the nearest smaller and larger file, and which these are.
fn at_size(rows: &[Row], of: impl Fn(&Row) -> bool, bytes: u64) -> Option<((f64, f64), String)> {
    let known = rows.iter().filter(|r| of(r)).filter_map(|r| {
        let quality = r.psnr_yuv.filter(|v| v.is_finite())?;
        Some((r.bytes?, r.encode_s?, quality, &r.point))
    });
    let mut known: Vec<_> = known.collect();
    known.sort_by_key(|k| k.0);
    let above = known.iter().position(|k| k.0 >= bytes)?;
    let (a, b) = (known.get(above.checked_sub(1)?)?, known.get(above)?);
    let ln = |n: u64| (n as f64).ln();
    let t = (ln(bytes) - ln(a.0)) / (ln(b.0) - ln(a.0));
    let between = |x: f64, y: f64| x + t * (y - x);
    let point = (between(a.1, b.1), between(a.2, b.2));
    Some((point, format!("{} to {}", b.3, a.3)))
}

fn remark(known: Option<&ClipAnchors>) -> Option<String> {
    Some(format!("Remark: {}", known?.remark.as_deref()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn row(codec: &str, point: &str, bytes: u64, seconds: f64, db: f64) -> Row {
        Row {
            codec: codec.into(),
            point: point.into(),
            bytes: Some(bytes),
            encode_s: Some(seconds),
            psnr_yuv: Some(db),
            ..Row::default()
        }
    }

    #[test]
    fn others_stand_at_the_size_that_nc_was_asked_for() {
        let mut rows = vec![
            row("nc nerv", "400 bytes", 390, 10.0, 30.0),
            row("nc nerv", "400 bytes", 400, 20.0, 31.0),
            row("x264", "crf 36", 200, 1.0, 28.0),
            row("x264", "crf 30", 800, 3.0, 34.0),
        ];
        let size = one_size(&rows).unwrap();
        assert_eq!(size, 400);
        let of = |r: &Row| r.codec == "x264";
        let ((seconds, db), label) = at_size(&rows, of, size).unwrap();
        assert!((seconds - 2.0).abs() < 1e-12 && (db - 31.0).abs() < 1e-12);
        assert_eq!(label, "crf 30 to crf 36");
        assert!(at_size(&rows, of, 900).is_none() && at_size(&rows, of, 100).is_none());
        rows.push(row("nc nerv", "800 bytes", 800, 20.0, 33.0));
        assert!(one_size(&rows).is_none());
    }
}
