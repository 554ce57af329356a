//! Plots of one clip as PNG: quality against rate, and against encoding time.
//!
//! Quoted curves are dashed and hollow. Drawn at twice the size and halved, which smooths lines and
//! letters alike.

use std::sync::Once;

use anyhow::{Result, anyhow, ensure};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{RgbImage, imageops};
use nc_corpora::anchors::ClipAnchors;
use nc_corpora::video::Clip;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::rows::Row;

const COLOURS: [RGBColor; 10] = [
    RGBColor(11, 110, 153),
    RGBColor(196, 66, 26),
    RGBColor(63, 125, 32),
    RGBColor(122, 59, 158),
    RGBColor(148, 108, 0),
    RGBColor(85, 85, 85),
    RGBColor(200, 60, 130),
    RGBColor(0, 140, 130),
    RGBColor(90, 90, 220),
    RGBColor(150, 75, 40),
];
const FONT: &str = "sans-serif";
/// Size of a plot.
const SIZE: (u32, u32) = (960, 620);
/// What is drawn is so many times as large, in each direction.
const SCALE: u32 = 2;
/// Height of a line of text under a plot.
const FOOT: u32 = 20;

type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;

/// A line of a plot.
struct Series {
    name: String,
    points: Vec<(f64, f64)>,
    /// What stands at each point; may be shorter.
    labels: Vec<String>,
    quoted: bool,
}

/// A plot without its lines.
struct Frame {
    title: String,
    x: &'static str,
    /// Where a vertical line stands, and what is written at it.
    mark: Option<(f64, &'static str)>,
    /// Lines under it.
    foot: Vec<String>,
}

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
                labels: Vec::new(),
                quoted: row.quoted,
            }),
        }
    }
    let source = known.and_then(|k| k.source_bpp).zip(clip.seconds());
    let mark = source.map(|(bpp, s)| {
        (
            bpp * clip.pixels() / s / 1000.0,
            "the source's bits a pixel",
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
            "kbit/s, bytes on disk"
        } else {
            "bytes a frame, on disk"
        },
        mark,
        foot,
    };
    plot(&frame, lines)
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
                quoted: false,
            }),
        }
    }
    let frame = Frame {
        title: format!("{}: PSNR YUV 4:1:1 in dB against time", clip.name),
        x: "seconds to encode",
        mark: None,
        foot: remark(known).into_iter().collect(),
    };
    plot(&frame, lines)
}

fn remark(known: Option<&ClipAnchors>) -> Option<String> {
    Some(format!("Remark: {}", known?.remark.as_deref()?))
}

/// Makes the font known, once.
fn font() -> Result<()> {
    static ONCE: Once = Once::new();
    let mut good = true;
    ONCE.call_once(|| {
        good = register_font(FONT, FontStyle::Normal, dejavu::sans::regular()).is_ok();
    });
    ensure!(good, "the font for plots is damaged");
    Ok(())
}

/// Draws into a picture of so many times its size, and halves it.
fn drawn(
    (w, h): (u32, u32),
    draw: impl FnOnce(&Area<'_>) -> Result<(), Box<dyn std::error::Error>>,
) -> Result<RgbImage> {
    font()?;
    let large = (w * SCALE, h * SCALE);
    let mut picture = RgbImage::from_pixel(large.0, large.1, image::Rgb([255; 3]));
    let area = BitMapBackend::with_buffer(&mut picture, large).into_drawing_area();
    // Its errors hold what cannot leave this thread.
    draw(&area).map_err(|e| anyhow!("drawing: {e}"))?;
    area.present().map_err(|e| anyhow!("drawing: {e}"))?;
    drop(area);
    Ok(imageops::resize(
        &picture,
        w,
        h,
        imageops::FilterType::Triangle,
    ))
}

/// A range around values, a little wider.
fn around(values: impl Iterator<Item = f64> + Clone) -> std::ops::Range<f64> {
    let low = values.clone().fold(f64::INFINITY, f64::min);
    let high = values.fold(f64::NEG_INFINITY, f64::max);
    let more = ((high - low) * 0.06).max(0.1);
    low - more..high + more
}

fn plot(frame: &Frame, mut lines: Vec<Series>) -> Result<Vec<u8>> {
    for line in &mut lines {
        let mut all: Vec<((f64, f64), String)> = Vec::new();
        for (i, p) in line.points.iter().enumerate() {
            all.push((*p, line.labels.get(i).cloned().unwrap_or_default()));
        }
        all.sort_by(|a, b| a.0.0.total_cmp(&b.0.0));
        (line.points, line.labels) = all.into_iter().unzip();
    }
    let points = lines.iter().flat_map(|l| l.points.iter());
    ensure!(points.clone().next().is_some(), "no point to draw");
    let x = 0.0..around(points.clone().map(|p| p.0)).end;
    let y = around(points.map(|p| p.1));
    let px = |n: u32| (n * SCALE) as i32;
    let text = |n: u32| (FONT, n * SCALE).into_font();
    let foot = frame.foot.len() as u32 * FOOT + 4;
    let picture = drawn(SIZE, |area| {
        let (top, bottom) = area.split_vertically((SIZE.1 - foot) * SCALE);
        for (i, line) in (0..).zip(&frame.foot) {
            bottom.draw(&Text::new(
                line.as_str(),
                (px(12), px(i * FOOT + 2)),
                text(13).color(&BLACK),
            ))?;
        }
        let mut chart = ChartBuilder::on(&top)
            .caption(&frame.title, text(18))
            .margin(px(10))
            .x_label_area_size(px(44))
            .y_label_area_size(px(48))
            .build_cartesian_2d(x.clone(), y.clone())?;
        chart
            .configure_mesh()
            .x_desc(frame.x)
            .x_label_formatter(&|v| short(*v))
            .y_label_formatter(&|v| short(*v))
            .label_style(text(13))
            .axis_desc_style(text(14))
            .bold_line_style(BLACK.mix(0.14))
            .light_line_style(TRANSPARENT)
            .draw()?;
        if let Some((at, what)) = frame.mark.filter(|(at, _)| x.contains(at)) {
            let style = BLACK.mix(0.5).stroke_width(SCALE);
            chart.draw_series(DashedLineSeries::new(
                [(at, y.start), (at, y.end)],
                px(2),
                px(4),
                style,
            ))?;
            let place = (at, y.start + (y.end - y.start) * 0.97);
            let right = at > x.end * 0.7;
            let side = if right { -px(6) } else { px(6) };
            let anchor = if right { HPos::Right } else { HPos::Left };
            chart.draw_series([EmptyElement::at(place)
                + Text::new(
                    what,
                    (side, 0),
                    text(12)
                        .color(&BLACK.mix(0.7))
                        .pos(Pos::new(anchor, VPos::Center)),
                )])?;
        }
        for (line, colour) in lines.iter().zip(COLOURS.into_iter().cycle()) {
            let style = colour.stroke_width(2 * SCALE);
            let points = line.points.iter().copied();
            let quoted = line.quoted;
            let drawn = if quoted {
                chart.draw_series(DashedLineSeries::new(points, px(7), px(5), style))?
            } else {
                chart.draw_series(LineSeries::new(points, style))?
            };
            drawn.label(&line.name).legend(move |(x, y)| {
                let (from, to) = (x, x + px(22));
                let middle = (from + to) / 2;
                let edge = if quoted { middle - px(4) } else { to };
                EmptyElement::at((0, 0))
                    + PathElement::new([(from, y), (edge, y)], style)
                    + PathElement::new([(middle + px(4), y), (to, y)], style)
                    + dot((middle, y), colour, quoted)
            });
            for (i, p) in line.points.iter().enumerate() {
                chart.draw_series([EmptyElement::at(*p)
                    + dot((0, 0), colour, quoted)
                    + Text::new(
                        line.labels.get(i).cloned().unwrap_or_default(),
                        (px(8), px(6)),
                        text(12).color(&colour),
                    )])?;
            }
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .legend_area_size(px(30))
            .margin(px(10))
            .label_font(text(13))
            .background_style(WHITE.mix(0.9))
            .border_style(BLACK.mix(0.3))
            .draw()?;
        Ok(())
    })?;
    png(&picture)
}

/// A number as an axis has it.
fn short(v: f64) -> String {
    format!("{}", (v * 1000.0).round() / 1000.0)
}

/// A point: hollow where it is quoted.
fn dot(at: (i32, i32), colour: RGBColor, hollow: bool) -> Circle<(i32, i32), i32> {
    let style = if hollow {
        colour.stroke_width(2 * SCALE)
    } else {
        colour.filled()
    };
    Circle::new(at, 4 * SCALE as i32, style)
}

/// Writes lines of text `line` pixels high into a picture, each at its left upper corner.
///
/// # Errors
/// Drawing.
pub fn write_texts(picture: &mut RgbImage, texts: &[(&str, (u32, u32))], line: u32) -> Result<()> {
    for (text, (x, y)) in texts {
        let width = picture.width().saturating_sub(*x).max(1);
        let strip = drawn((width, line), |area| {
            let font = (FONT, line * 6 / 10 * SCALE).into_font();
            let at = ((4 * SCALE) as i32, (line / 6 * SCALE) as i32);
            area.draw(&Text::new(*text, at, font.color(&BLACK)))?;
            Ok(())
        })?;
        imageops::replace(picture, &strip, i64::from(*x), i64::from(*y));
    }
    Ok(())
}

/// A picture as PNG, as small as may be.
///
/// # Errors
/// None that input reaches.
pub fn png(picture: &RgbImage) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let png = PngEncoder::new_with_quality(&mut bytes, CompressionType::Best, FilterType::Adaptive);
    picture.write_with_encoder(png)?;
    Ok(bytes)
}
