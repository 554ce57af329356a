//! `nc-rd compare`: what a change did, point by point and curve by curve, with the noise of times.
//!
//! Where one of the two has curves and no rows, as `nc-rd table --format json` keeps them, their means
//! are compared instead. Only inputs of the same bytes are. What the second run does not have any more
//! is told, and is worse where a program was missing.
//!
//! Bytes and quality do not vary, so any difference is one. Times do: the change of a point is the
//! median over its inputs of the ratio after to before, and its noise 1.96 standard errors of that
//! median, from the spread of the inputs' ratios or, of fewer than three inputs, of their repeats
//! (`nc-rd run --repeat`). A median's standard error is 1.2533 that of a mean, and the spread
//! is 1.4826 times the median absolute deviation, which one disturbed run does not widen.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Result, ensure};
use nc_corpora::metrics::bd::{Bd, Fit, bd_rate};
use serde::Serialize;

use super::curves::{self, unique};
use super::job::median;
use super::results::{Curve, Dataset, Results, Row};

#[cfg(test)]
mod tests;
mod text;

use text::text;

/// What is compared, and what counts as worse.
#[derive(Debug, clap::Args)]
pub struct CompareArgs {
    /// Results before: a file or an output folder
    #[arg(value_name = "A.json")]
    before: PathBuf,
    /// Results after
    #[arg(value_name = "B.json")]
    after: PathBuf,
    /// Per cent more bytes, or BD-rate, that are still as good
    #[arg(long, default_value_t = 0.1, value_name = "PCT")]
    tolerance: f64,
    /// Loss of quality, in the metric's unit, that is still as good
    #[arg(long, default_value_t = 0.01, value_name = "X")]
    quality_tolerance: f64,
    /// Per cent more time, beyond its noise, that are still as good; times do not count without it
    #[arg(long, value_name = "PCT")]
    time_tolerance: Option<f64>,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

/// Change of a time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Change {
    /// Per cent more.
    pub percent: f64,
    /// Noise of that, in points; nothing where there is too little to tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise: Option<f64>,
}

/// One setting of a codec on a data set, before and after.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Point {
    dataset: String,
    codec: String,
    setting: String,
    /// Inputs that came back both times.
    inputs: usize,
    /// Inputs that only came back before.
    lost: usize,
    /// Inputs that only came back after.
    gained: usize,
    /// Inputs that are other files than before, of which nothing is compared.
    changed: usize,
    /// Per cent more bytes in sum.
    bytes_percent: Option<f64>,
    /// The metric compared first.
    metric: Option<String>,
    /// Mean change of each metric.
    metrics: BTreeMap<String, f64>,
    encode: Option<Change>,
    decode: Option<Change>,
    worse: Vec<String>,
}

/// BD-rate of a curve after against before.
#[derive(Debug, Clone, Serialize)]
pub struct CurveChange {
    dataset: String,
    codec: String,
    metric: String,
    bd_rate: Option<Bd>,
    /// Why there is none.
    why_not: Option<String>,
    worse: bool,
}

/// What was there before and is not after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gone {
    dataset: String,
    /// The codec, where the data set is still there.
    #[serde(skip_serializing_if = "Option::is_none")]
    codec: Option<String>,
    /// The setting, where the codec is still there.
    #[serde(skip_serializing_if = "Option::is_none")]
    setting: Option<String>,
    /// Why the codec was skipped. What nobody asked for again has no reason and is not worse.
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped: Option<String>,
}

/// A comparison.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    points: Vec<Point>,
    curves: Vec<CurveChange>,
    gone: Vec<Gone>,
    /// Whether only means are compared, because rows are missing.
    means: bool,
    /// Whether anything got worse.
    worse: bool,
}

/// Compares two runs and prints it; whether nothing got worse.
///
/// # Errors
/// Files that cannot be read, runs with nothing in common.
pub fn run(args: &CompareArgs) -> Result<bool> {
    let before = super::results::read(&args.before)?;
    let after = super::results::read(&args.after)?;
    let found = compare(&before, &after, args);
    ensure!(
        !found.points.is_empty() || found.worse,
        "the two have no codec and data set in common"
    );
    let all_changed = |p: &Point| p.changed > 0 && p.inputs + p.lost + p.gained == 0;
    ensure!(
        found.worse || !found.points.iter().all(all_changed),
        "the two have no input of the same bytes in common"
    );
    if args.json {
        super::print(&format!("{}\n", serde_json::to_string_pretty(&found)?));
    } else {
        super::print(&text(&found, &before, &after));
    }
    Ok(!found.worse)
}

/// Points in the order of `before`.
fn compare(before: &Results, after: &Results, args: &CompareArgs) -> Comparison {
    let means = before.rows.is_empty() || after.rows.is_empty();
    let (points, curves) = if means {
        let points = points_of_means(before, after, args);
        (
            points,
            curve_changes(before, &before.curves, &after.curves, args),
        )
    } else {
        let of_common = |own: &Results, other: &Results| {
            let rows = common(&own.rows, &other.rows);
            curves::curves(&before.datasets, &own.codecs, &rows)
        };
        let (old, new) = (of_common(before, after), of_common(after, before));
        let points = points_of_rows(before, after, args);
        (points, curve_changes(before, &old, &new, args))
    };
    let gone = gone(before, after);
    let worse = points.iter().any(|p| !p.worse.is_empty())
        || curves.iter().any(|c| c.worse)
        || gone.iter().any(|g| g.skipped.is_some());
    Comparison {
        points,
        curves,
        gone,
        means,
        worse,
    }
}

/// Rows of inputs that others have too, of the same bytes.
fn common(rows: &[Row], others: &[Row]) -> Vec<Row> {
    fn input(r: &Row) -> [&str; 3] {
        [&r.dataset, &r.input, &r.input_sha256]
    }
    let known: BTreeSet<_> = others.iter().map(input).collect();
    let both = rows.iter().filter(|r| known.contains(&input(r)));
    both.cloned().collect()
}

/// Data sets, codecs and settings, each once, in order.
fn settings(results: &Results) -> Vec<[&str; 3]> {
    let mut seen = BTreeSet::new();
    let of_rows = results.rows.iter();
    let of_rows = of_rows.map(|r| [r.dataset.as_str(), &r.codec, &r.setting]);
    let of_curves = results.curves.iter().flat_map(|c| {
        let settings = c.settings.iter();
        settings.map(|s| [c.dataset.as_str(), &c.name, s])
    });
    let all: Vec<_> = match results.rows.is_empty() {
        true => of_curves.collect(),
        false => of_rows.collect(),
    };
    all.into_iter().filter(|s| seen.insert(*s)).collect()
}

/// What `after` does not have any more, in the largest pieces.
fn gone(before: &Results, after: &Results) -> Vec<Gone> {
    let still = settings(after);
    let mut out = Vec::new();
    for here in settings(before) {
        if still.contains(&here) {
            continue;
        }
        let [dataset, codec, setting] = here;
        let asked = after.datasets.iter().any(|d| d.name == dataset);
        let codec_left = still.iter().any(|s| s[..2] == here[..2]);
        let skipped = after.skipped.iter().find(|s| s.codec == codec);
        let one = Gone {
            dataset: dataset.into(),
            codec: asked.then(|| codec.into()),
            setting: codec_left.then(|| setting.into()),
            skipped: skipped.filter(|_| asked).map(|s| s.why.clone()),
        };
        if !out.contains(&one) {
            out.push(one);
        }
    }
    out
}

fn points_of_rows(before: &Results, after: &Results, args: &CompareArgs) -> Vec<Point> {
    let still = settings(after);
    let mut points = Vec::new();
    for key in settings(before).into_iter().filter(|k| still.contains(k)) {
        let of = |rows: &[Row]| -> Vec<Row> {
            let own = |r: &&Row| [r.dataset.as_str(), &r.codec, &r.setting] == key;
            rows.iter().filter(own).cloned().collect()
        };
        let dataset = before.datasets.iter().find(|d| d.name == key[0]);
        points.push(point(&of(&before.rows), &of(&after.rows), dataset, args));
    }
    points
}

fn points_of_means(before: &Results, after: &Results, args: &CompareArgs) -> Vec<Point> {
    let mut points = Vec::new();
    for old in &before.curves {
        let dataset = before.datasets.iter().find(|d| d.name == old.dataset);
        let Some(new) = same(old, &after.curves) else {
            continue;
        };
        for (i, setting) in old.settings.iter().enumerate() {
            if let Some(j) = new.settings.iter().position(|s| s == setting) {
                points.push(point_of_means((old, i), (new, j), dataset, args));
            }
        }
    }
    points
}

/// The curve of the same codec on the same data set.
fn same<'a>(curve: &Curve, others: &'a [Curve]) -> Option<&'a Curve> {
    let mut others = others.iter();
    others.find(|c| c.name == curve.name && c.dataset == curve.dataset)
}

/// What the means of a setting say. Times have no noise in them and are not compared.
fn point_of_means(
    old: (&Curve, usize),
    new: (&Curve, usize),
    dataset: Option<&Dataset>,
    args: &CompareArgs,
) -> Point {
    let both = |name: &str| {
        let of = |(c, i): (&Curve, usize)| c.results.get(name)?.get(i).copied()?;
        Some((of(old)?, of(new)?))
    };
    let count = |name: &str| {
        let (a, b) = both(name).unwrap_or_default();
        (a as usize, b as usize)
    };
    let (inputs, failed) = (count("inputs"), count("failed"));
    let mut point = Point {
        dataset: old.0.dataset.clone(),
        codec: old.0.name.clone(),
        setting: old.0.settings.get(old.1).cloned().unwrap_or_default(),
        ..Point::default()
    };
    if inputs.0 != inputs.1 {
        point.changed = inputs.0.max(inputs.1);
        return point;
    }
    point.lost = failed.1.saturating_sub(failed.0);
    point.gained = failed.0.saturating_sub(failed.1);
    // Means over other inputs would be other things.
    if failed.0 == failed.1 {
        point.inputs = inputs.0.saturating_sub(failed.0);
        let bytes = both("bytes").filter(|b| b.0 > 0.0);
        point.bytes_percent = bytes.map(|(a, b)| (b / a - 1.0) * 100.0);
        let names = dataset.map_or(&[][..], |d| d.quality.as_slice());
        let lossless = "lossless".to_string();
        for name in names.iter().chain([&lossless]) {
            if let Some((a, b)) = both(name) {
                point.metrics.insert(name.clone(), b - a);
            }
        }
        point.metric = names
            .iter()
            .find(|m| point.metrics.contains_key(*m))
            .cloned();
    }
    point.worse = worse(&point, args);
    point
}

fn curve_changes(
    before: &Results,
    old: &[Curve],
    new: &[Curve],
    args: &CompareArgs,
) -> Vec<CurveChange> {
    let change = |old: &Curve| {
        let new = same(old, new)?;
        let dataset = before.datasets.iter().find(|d| d.name == old.dataset)?;
        let mut names = dataset.quality.iter();
        let metric = names.find(|q| old.results.contains_key(*q))?;
        let points = |c| curve_points(c, &dataset.rate, metric);
        let bd = bd_rate(&points(old), &points(new), Fit::Pchip);
        Some(CurveChange {
            dataset: old.dataset.clone(),
            codec: old.name.clone(),
            metric: metric.clone(),
            worse: bd.as_ref().is_ok_and(|bd| bd.value > args.tolerance),
            why_not: bd.as_ref().err().map(ToString::to_string),
            bd_rate: bd.ok(),
        })
    };
    old.iter().filter_map(change).collect()
}

/// Pairs of rate and quality of a curve's points that have both.
pub fn curve_points(curve: &Curve, rate: &str, metric: &str) -> Vec<(f64, f64)> {
    let list = |name: &str| curve.results.get(name).map_or(&[][..], Vec::as_slice);
    let pairs = list(rate).iter().zip(list(metric));
    pairs.filter_map(|(r, q)| Some(((*r)?, (*q)?))).collect()
}

fn point(a: &[Row], b: &[Row], dataset: Option<&Dataset>, args: &CompareArgs) -> Point {
    let Some(first) = a.first() else {
        return Point::default();
    };
    let inputs = unique(a.iter().map(|r| r.input.as_str()));
    let (mut pairs, mut lost, mut gained, mut changed) = (Vec::new(), 0, 0, 0);
    for input in inputs {
        let of = |rows: &'_ [Row]| rows.iter().find(|r| r.input == input).cloned();
        // Another choice of inputs is none of the codec's faults.
        let (Some(a), Some(b)) = (of(a), of(b)) else {
            continue;
        };
        match (&a.error, &b.error) {
            _ if a.input_sha256 != b.input_sha256 => changed += 1,
            (None, None) => pairs.push((a, b)),
            (None, Some(_)) => lost += 1,
            (Some(_), None) => gained += 1,
            (Some(_), Some(_)) => {}
        }
    }
    let sum = |of: fn(&(Row, Row)) -> Option<u64>| -> u64 { pairs.iter().filter_map(of).sum() };
    let (old, new) = (sum(|p| p.0.bytes) as f64, sum(|p| p.1.bytes) as f64);
    let mut metrics: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for (a, b) in &pairs {
        for (name, x) in &a.metrics {
            if let Some(y) = b.metrics.get(name) {
                metrics.entry(name.clone()).or_default().push(y - x);
            }
        }
    }
    let mean = |v: Vec<f64>| v.iter().sum::<f64>() / v.len() as f64;
    let metrics: BTreeMap<String, f64> = metrics.into_iter().map(|(k, v)| (k, mean(v))).collect();
    let names = dataset.map_or(&[][..], |d| d.quality.as_slice());
    let metric = names.iter().find(|m| metrics.contains_key(*m)).cloned();
    let times = |of: fn(&Row) -> &Vec<f64>| {
        let alone = pairs.iter().filter(|(a, b)| a.timed_alone && b.timed_alone);
        change(
            &alone
                .map(|(a, b)| (of(a).as_slice(), of(b).as_slice()))
                .collect::<Vec<_>>(),
        )
    };
    let mut point = Point {
        dataset: first.dataset.clone(),
        codec: first.codec.clone(),
        setting: first.setting.clone(),
        inputs: pairs.len(),
        lost,
        gained,
        changed,
        bytes_percent: (old > 0.0).then(|| (new / old - 1.0) * 100.0),
        encode: times(|r| &r.encode_times),
        decode: times(|r| &r.decode_times),
        metric,
        metrics,
        worse: Vec::new(),
    };
    point.worse = worse(&point, args);
    point
}

/// What got worse: more bytes for no better quality, less quality for no fewer bytes.
fn worse(p: &Point, args: &CompareArgs) -> Vec<String> {
    let mut out = Vec::new();
    if p.lost > 0 {
        out.push(format!("{} more failed", p.lost));
    }
    let bytes = p.bytes_percent.unwrap_or(0.0);
    let quality = p
        .metric
        .as_ref()
        .and_then(|m| p.metrics.get(m))
        .copied()
        .unwrap_or(0.0);
    if bytes > args.tolerance && quality <= args.quality_tolerance {
        out.push("bytes".into());
    }
    if quality < -args.quality_tolerance && bytes >= -args.tolerance {
        out.push("quality".into());
    }
    if p.metrics.get("lossless").is_some_and(|&l| l < 0.0) {
        out.push("lossless".into());
    }
    if let Some(most) = args.time_tolerance {
        for (name, change) in [("encode time", p.encode), ("decode time", p.decode)] {
            if change.is_some_and(|c| c.percent - c.noise.unwrap_or(0.0) > most) {
                out.push(name.into());
            }
        }
    }
    out
}

/// Change of times of inputs, each with its repeats before and after.
fn change(pairs: &[(&[f64], &[f64])]) -> Option<Change> {
    let mut logs = Vec::new();
    let mut repeats = 0.0;
    let mut enough = true;
    for (a, b) in pairs {
        let (old, new) = (median(a)?, median(b)?);
        if old <= 0.0 || new <= 0.0 {
            continue;
        }
        logs.push((new / old).ln());
        for times in [a, b] {
            let logs: Vec<f64> = times.iter().map(|t| t.ln()).collect();
            enough &= logs.len() >= 3;
            repeats += error(&logs).powi(2);
        }
    }
    let middle = median(&logs)?;
    let noise = match logs.len() {
        3.. => Some(error(&logs)),
        n => enough.then(|| repeats.sqrt() / n as f64),
    };
    Some(Change {
        percent: (middle.exp() - 1.0) * 100.0,
        noise: noise.map(|n| 1.96 * n * middle.exp() * 100.0),
    })
}

/// Standard error of the median of some numbers.
fn error(numbers: &[f64]) -> f64 {
    let Some(middle) = median(numbers) else {
        return f64::INFINITY;
    };
    let apart: Vec<f64> = numbers.iter().map(|x| (x - middle).abs()).collect();
    1.2533 * 1.4826 * median(&apart).unwrap_or(0.0) / (numbers.len() as f64).sqrt()
}
