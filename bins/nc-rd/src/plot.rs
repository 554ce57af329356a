//! `nc-rd plot`: a figure against another one, of one data set of any results, as SVG or PNG.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use crate::bench::cache;
use crate::bench::curves::{points, read_off};
use crate::bench::results::{Curve, Dataset, read_all};
use crate::bench::table::figure_at;
use crate::chart::{Frame, Panel, Series, plot_png, plot_svg};
use crate::names::figure;

/// What is drawn.
#[derive(Debug, clap::Args)]
pub struct PlotArgs {
    /// Results: files or output folders, drawn as one
    #[arg(required = true, value_name = "RESULTS.json")]
    results: Vec<PathBuf>,
    /// SVG or PNG to write
    #[arg(short, value_name = "FILE")]
    output: PathBuf,
    /// The data set, where there are several
    #[arg(long, value_name = "NAME")]
    dataset: Option<String>,
    /// These codecs only, in this order
    #[arg(long, value_delimiter = ',', value_name = "NAME,...")]
    codec: Vec<String>,
    /// Figures upwards, a plot each beside each other; by default the data set's first metric
    #[arg(long, value_delimiter = ',', value_name = "FIGURE,...")]
    metric: Vec<String>,
    /// Figure to the right, instead of the rate; a time is logarithmic
    #[arg(long, value_name = "FIGURE")]
    x: Option<String>,
    /// Codecs where a figure has a value only, as bytes=60000
    #[arg(long, value_name = "FIGURE=N", value_parser = figure_at)]
    at: Option<(String, f64)>,
    /// A vertical line at a value, with words
    #[arg(long, value_name = "N=WORDS", value_parser = mark)]
    mark: Option<(f64, String)>,
    /// A line of text under it; may be repeated
    #[arg(long, value_name = "TEXT")]
    foot: Vec<String>,
}

fn mark(text: &str) -> Result<(f64, String), String> {
    let parts = text.split_once('=');
    let parts = parts.and_then(|(n, words)| Some((n.parse::<f64>().ok()?, words.to_string())));
    parts.ok_or_else(|| "N=WORDS is wanted".into())
}

/// Draws the plot.
///
/// # Errors
/// Results that cannot be read, names that they do not have, no point, an output that cannot be written.
pub fn run(args: &PlotArgs) -> Result<()> {
    let results = read_all(&args.results)?;
    let names = || results.datasets.iter().map(|d| d.name.as_str());
    let dataset = match (&args.dataset, results.datasets.as_slice()) {
        (None, [one]) => one,
        (None, _) => bail!(
            "--dataset is one of {}",
            names().collect::<Vec<_>>().join(", ")
        ),
        (Some(name), all) => all
            .iter()
            .find(|d| d.name == *name)
            .with_context(|| format!("no data set {name:?} in the results"))?,
    };
    let of_set = || results.curves.iter().filter(|c| c.dataset == dataset.name);
    let mut curves: Vec<&Curve> = of_set().collect();
    if !args.codec.is_empty() {
        let named = args.codec.iter().map(|name| {
            let found = of_set().find(|c| c.name == *name);
            found.with_context(|| format!("no codec {name:?} on {:?}", dataset.name))
        });
        curves = named.collect::<Result<_>>()?;
    }
    let first = dataset.quality.first().cloned();
    let metrics: Vec<String> = match args.metric.is_empty() {
        true => first.into_iter().collect(),
        false => args.metric.clone(),
    };
    ensure!(
        !metrics.is_empty(),
        "{:?} has no metric: name one with --metric",
        dataset.name
    );
    let panels: Vec<Panel> = metrics
        .iter()
        .map(|m| panel(args, dataset, &curves, m))
        .collect();
    let bytes = match args.output.extension().and_then(|e| e.to_str()) {
        Some("svg") => plot_svg(&panels)?.into_bytes(),
        Some("png") => plot_png(&panels)?,
        _ => bail!("{}: an SVG or PNG is drawn", args.output.display()),
    };
    cache::write(&args.output, &bytes)
}

fn panel(args: &PlotArgs, dataset: &Dataset, curves: &[&Curve], metric: &str) -> Panel {
    let x = args.x.as_deref().unwrap_or(&dataset.rate);
    let log = x.ends_with("_s");
    let mut lines = Vec::new();
    for curve in curves {
        let all = match &args.at {
            Some((name, at)) => read_off(curve, name, *at),
            None => points(curve),
        };
        let mut line = Series {
            name: curve.name.clone(),
            quoted: curve.quoted,
            ..Series::default()
        };
        for (setting, figures) in all {
            if let (Some(x), Some(y)) = (figures.get(x), figures.get(metric)) {
                line.points.push((*x, *y));
                // Where x is no rate nothing else tells the settings apart.
                line.labels.push(if args.x.is_some() {
                    setting
                } else {
                    String::new()
                });
            }
        }
        if !line.points.is_empty() {
            lines.push(line);
        }
    }
    let at = args.at.as_ref().map_or_else(String::new, |(name, at)| {
        let f = figure(name);
        format!(
            " at {} {}",
            f.show(*at),
            if f.unit.is_empty() { name } else { f.unit }
        )
    });
    let y = figure(metric);
    let mut foot = args.foot.clone();
    if lines.iter().any(|l| l.quoted) {
        foot.insert(0, "Dashed: quoted, measured elsewhere".into());
    }
    let frame = Frame {
        title: format!("{}: {}{at}", dataset.name, y.label),
        x: figure(x).title(),
        y: y.title(),
        log,
        mark: args.mark.clone(),
        foot,
    };
    (frame, lines)
}

#[cfg(test)]
mod tests;
