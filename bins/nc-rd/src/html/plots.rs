//! The plots of a dataset as files: quality against rate and against encoding time.

use anyhow::Result;

use super::view::Set;
use crate::chart::{Frame, Series, plot_png, plot_svg};
use crate::names::{Figure, figure};

/// A plot in both forms.
pub struct Plot {
    /// Name of its files, without an end.
    pub name: String,
    /// As SVG.
    pub svg: String,
    /// As PNG.
    pub png: Vec<u8>,
}

/// A name of dataset as part of a file's name: small letters, digits and hyphens.
pub fn slug(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars().map(|c| c.to_ascii_lowercase()) {
        if c.is_ascii_alphanumeric() {
            out.push(c);
        } else if !out.ends_with('-') && !out.is_empty() {
            out.push('-');
        }
    }
    let out = out.trim_end_matches('-');
    if out.is_empty() { "set" } else { out }.to_owned()
}

/// Quality against rate, one plot a metric; nothing for metrics without points that can be compared.
///
/// # Errors
/// Drawing.
pub fn rates(set: &Set<'_>, name: &str) -> Result<Vec<Plot>> {
    let mut out = Vec::new();
    for metric in &set.metrics {
        let frame = Frame {
            title: format!("{}: {} against rate", set.dataset.name, metric.label),
            x: format!("{}, headers and all", set.rate.title()),
            y: metric.title(),
            log: set.log(),
            ..Frame::default()
        };
        let lines = lines(set, |s| s.curve(&metric.key));
        out.extend(plot(format!("{name}-{}", slug(&metric.key)), frame, lines)?);
    }
    Ok(out)
}

/// Quality against encoding time: at the middle rate, or of every setting where there is none. Of a
/// lossless dataset, rate against encoding time.
///
/// # Errors
/// Drawing.
pub fn time(set: &Set<'_>, name: &str) -> Result<Option<Plot>> {
    let mut frame = Frame {
        x: figure("encode_s").title(),
        log: true,
        ..Frame::default()
    };
    let timed = |metric: Option<&Figure>| {
        lines(set, |s| {
            let value = |p: &super::view::Point<'_>| match metric {
                Some(m) => Some(p.at(&m.key)?.1),
                None => p.rate,
            };
            let points = s.points.iter();
            points
                .filter_map(|p| Some((p.encode_s.filter(|s| *s > 0.0)?, value(p)?)))
                .collect()
        })
    };
    let levels = set.levels();
    let lines = match (set.metrics.first(), levels.get(set.level(&levels))) {
        (Some(metric), Some(&level)) => {
            frame.title = format!(
                "{}: {} at {} {} against encoding time",
                set.dataset.name, metric.label, level, set.rate.unit
            );
            frame.y = metric.title();
            frame.foot = vec!["Read off the line between neighbouring settings".into()];
            lines(set, |s| s.time_at(&metric.key, level).into_iter().collect())
        }
        (Some(metric), None) => {
            frame.title = format!(
                "{}: {} against encoding time",
                set.dataset.name, metric.label
            );
            frame.y = metric.title();
            timed(Some(metric))
        }
        (None, _) => {
            frame.title = format!("{}: rate against encoding time", set.dataset.name);
            frame.y = set.rate.title();
            timed(None)
        }
    };
    plot(format!("{name}-time"), frame, lines)
}

fn lines(
    set: &Set<'_>,
    points: impl Fn(&super::view::Series<'_>) -> Vec<(f64, f64)>,
) -> Vec<Series> {
    set.series
        .iter()
        .map(|s| Series {
            name: s.codec.to_owned(),
            points: points(s),
            style: Some(s.style),
            ..Series::default()
        })
        .filter(|s| !s.points.is_empty())
        .collect()
}

fn plot(name: String, frame: Frame, lines: Vec<Series>) -> Result<Option<Plot>> {
    if lines.is_empty() {
        return Ok(None);
    }
    let panel = [(frame, lines)];
    Ok(Some(Plot {
        name,
        svg: plot_svg(&panel)?,
        png: plot_png(&panel)?,
    }))
}
