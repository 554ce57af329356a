//! `nc-rd sides`: an example of a run beside what came back of it, so that decibels can be looked at.
//!
//! Pictures stand at their own size, two in a row, the original first. Who made them is named under them; a
//! data set of which a plan keeps no examples has none to show.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use image::RgbImage;

use crate::bench::cache;
use crate::bench::results::{Dataset, Kind, Row, read};
use crate::chart;
use crate::names::figure;

/// Pictures that stand beside the original.
const MOST: usize = 3;
/// Pixels between pictures.
const GAP: u32 = 6;
/// A picture's place is no narrower, so that its text can be read.
const NARROWEST: u32 = 400;
/// Height of a line of text.
const LINE: u32 = 24;

/// What is shown.
#[derive(Debug, clap::Args)]
pub struct SidesArgs {
    /// Folder that `nc-rd run` wrote
    #[arg(value_name = "OUT")]
    folder: PathBuf,
    /// PNG to write
    #[arg(short, value_name = "PNG")]
    output: PathBuf,
    /// The data set, by default the first with examples
    #[arg(long, value_name = "NAME")]
    dataset: Option<String>,
    /// The input, by default the first with examples
    #[arg(long, value_name = "NAME")]
    input: Option<String>,
    /// Of this codec only
    #[arg(long, value_name = "NAME")]
    codec: Option<String>,
}

/// Draws the original, and smallest, middle and largest file of those that came back.
///
/// # Errors
/// Results that cannot be read, nothing to show, an output that cannot be written.
pub fn run(args: &SidesArgs) -> Result<()> {
    let results = read(&args.folder)?;
    let wanted = |name: &str, asked: &Option<String>| asked.as_ref().is_none_or(|a| a == name);
    let visual = |set: &Dataset| matches!(set.kind, Kind::Image | Kind::Video);
    let set_of = |r: &Row| {
        results
            .datasets
            .iter()
            .find(|d| d.name == r.dataset && visual(d))
    };
    let shown = |r: &&Row| {
        r.media.is_some()
            && r.original.is_some()
            && set_of(r).is_some()
            && wanted(&r.dataset, &args.dataset)
            && wanted(&r.input, &args.input)
            && wanted(&r.codec, &args.codec)
    };
    let first = results.rows.iter().find(shown);
    let first = first.context("no example of a picture or clip in these results")?;
    let set = set_of(first).context("no data set")?;
    let same = |r: &&Row| shown(r) && r.dataset == first.dataset && r.input == first.input;
    let rows: Vec<&Row> = results.rows.iter().filter(same).collect();
    let open = |path: &Option<String>| -> Result<RgbImage> {
        let path = args.folder.join(path.as_ref().context("no example")?);
        let picture = image::open(&path).with_context(|| path.display().to_string())?;
        Ok(picture.to_rgb8())
    };
    let mut panels = vec![("original".to_string(), open(&first.original)?)];
    for row in chosen(rows) {
        panels.push((label(row, set), open(&row.media)?));
    }
    let credit = Some(set.credit.as_str()).filter(|c| !c.is_empty());
    cache::write(&args.output, &draw(&panels, credit)?)
}

/// A line over a picture.
fn label(row: &Row, set: &Dataset) -> String {
    let mut out = format!("{}: {} bytes", row.codec, row.bytes.unwrap_or(0));
    let rate = figure(&set.rate);
    if let Some(v) = row.rates.get(&set.rate) {
        let _ = write!(out, ", {} {}", rate.show(*v), rate.unit);
    }
    let metric = set.quality.first();
    if let Some((m, v)) = metric.and_then(|m| Some((figure(m), row.metrics.get(m)?))) {
        let _ = write!(out, "; {} {} {}", m.label, m.show(*v), m.unit);
    }
    out.trim_end().to_string()
}

/// Smallest, largest, and what is between them.
fn chosen(mut rows: Vec<&Row>) -> Vec<&Row> {
    rows.sort_by_key(|r| r.bytes);
    let keep = rows.len().min(MOST);
    let at = |i: usize| i * (rows.len() - 1) / (keep - 1).max(1);
    (0..keep).map(|i| rows[at(i)]).collect()
}

fn draw(panels: &[(String, RgbImage)], credit: Option<&str>) -> Result<Vec<u8>> {
    let widths = panels.iter().map(|(_, p)| p.width());
    let heights = panels.iter().map(|(_, p)| p.height());
    let w = widths.max().context("nothing to show")?.max(NARROWEST);
    let h = heights.max().context("nothing to show")?;
    let lines = panels.len().div_ceil(2) as u32;
    let foot = if credit.is_some() { LINE } else { 0 };
    let size = (2 * w + GAP, lines * (h + LINE) + foot);
    ensure!(
        size.0 < 1 << 15 && size.1 < 1 << 15,
        "pictures of this size are not shown"
    );
    let mut out = RgbImage::from_pixel(size.0, size.1, image::Rgb([255; 3]));
    let mut texts = Vec::new();
    for (i, (label, picture)) in (0_u32..).zip(panels) {
        let (x, y) = (i % 2 * (w + GAP), i / 2 * (h + LINE));
        image::imageops::replace(&mut out, picture, i64::from(x), i64::from(y + LINE));
        texts.push((label.as_str(), (x, y)));
    }
    texts.extend(credit.map(|c| (c, (0, lines * (h + LINE)))));
    chart::write_texts(&mut out, &texts, LINE)?;
    chart::png(&out)
}

#[cfg(test)]
mod tests;
