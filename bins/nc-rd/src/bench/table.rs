//! `nc-rd table`: results as Markdown or CSV, also between two marks of a document.
//!
//! ```text
//! <!-- nc-rd table kodak -->
//! ...written by nc-rd table kodak.json --into README.md --name kodak
//! <!-- end -->
//! ```

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use nc_corpora::metrics::bd::{Fit, bd_quality, bd_rate};

use super::compare::curve_points;
use super::curves::{Point, points as points_of, quoted, read_off};
use super::results::{Curve, Dataset, Results, read_all};

/// What a table shows and where it goes.
#[derive(Debug, Default, clap::Args)]
pub struct TableArgs {
    /// Results: files or output folders, shown as one
    #[arg(required = true, value_name = "RESULTS.json")]
    results: Vec<PathBuf>,
    /// These data sets only
    #[arg(long, value_delimiter = ',', value_name = "NAME,...")]
    dataset: Vec<String>,
    /// These codecs only, in this order
    #[arg(long, value_delimiter = ',', value_name = "NAME,...")]
    codec: Vec<String>,
    /// Figures: codec, setting, dataset, rates, metrics, bytes, encode_s, ...; by default those of the kind
    #[arg(long, value_delimiter = ',', value_name = "COLUMN,...")]
    columns: Vec<String>,
    /// Codecs where a figure has a value, as bytes=60000: points near it, or read off the line between two
    #[arg(long, value_name = "FIGURE=N", value_parser = figure_at, conflicts_with = "bd")]
    at: Option<(String, f64)>,
    /// Of each codec the setting of the lowest rate only
    #[arg(long, conflicts_with_all = ["bd", "at"])]
    best: bool,
    /// One line for each data set, with these figures of each codec beside each other
    #[arg(long, value_delimiter = ',', value_name = "FIGURE,...", conflicts_with_all = ["bd", "columns"])]
    wide: Vec<String>,
    /// BD-rate against this codec, instead of points
    #[arg(long, value_name = "CODEC", conflicts_with = "columns")]
    bd: Option<String>,
    /// Metric of BD-rate; by default the data set's first
    #[arg(long, value_name = "METRIC", requires = "bd")]
    metric: Option<String>,
    /// Form of the table
    #[arg(long, value_enum, default_value = "md")]
    format: Format,
    /// Document to write it into, between its marks, instead of printing it
    #[arg(long, value_name = "FILE", requires = "name")]
    into: Option<PathBuf>,
    /// Name in the mark `<!-- nc-rd table NAME -->`
    #[arg(long, value_name = "NAME", requires = "into")]
    name: Option<String>,
    /// Only say whether the document has this very table
    #[arg(long, requires = "into")]
    check: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    #[default]
    Md,
    Csv,
    /// All curves without the single runs: a small file to keep, of which tables are made again
    Json,
}

/// `FIGURE=N` of a command line, N above 0.
///
/// # Errors
/// Text, where it is none.
pub fn figure_at(text: &str) -> Result<(String, f64), String> {
    let parts = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let parts = parts.and_then(|(name, n)| Some((name.to_string(), n.parse::<f64>().ok()?)));
    let above = parts.filter(|(_, n)| *n > 0.0 && n.is_finite());
    above.ok_or_else(|| "FIGURE=N is wanted, N above 0".into())
}

/// A head and rows of cells.
type Table = (Vec<String>, Vec<Vec<String>>);

/// Makes a table and puts it where it goes; whether the document has it, where that was asked.
///
/// # Errors
/// Files that cannot be read or written, names that the results do not have, a document without
/// the marks.
pub fn run(args: &TableArgs) -> Result<bool> {
    let results = read_all(&args.results)?;
    let table = make(&results, args)?;
    for line in infinite(&results, args, &table.0) {
        eprintln!("{line}");
    }
    let text = match args.format {
        Format::Md => markdown(&table, args.bd.is_some()),
        Format::Csv => csv(&table),
        Format::Json => {
            ensure!(args.into.is_none(), "JSON goes into no document");
            let kept = only_curves(results, args);
            format!("{}\n", serde_json::to_string_pretty(&kept)?)
        }
    };
    let (Some(path), Some(name)) = (&args.into, &args.name) else {
        super::print(&text);
        return Ok(true);
    };
    let here = || path.display().to_string();
    let old = std::fs::read_to_string(path).with_context(here)?;
    let new = between(&old, name, &text).with_context(here)?;
    if args.check {
        if new != old {
            eprintln!(
                "{}: table {name} is not that of {}",
                here(),
                args.results
                    .iter()
                    .map(|p| p.display().to_string())
                    .collect::<Vec<_>>()
                    .join(", ")
            );
        }
        return Ok(new == old);
    }
    super::cache::write(path, new.as_bytes())?;
    Ok(true)
}

fn make(results: &Results, args: &TableArgs) -> Result<Table> {
    for name in &args.dataset {
        ensure!(
            results.datasets.iter().any(|d| d.name == *name),
            "no data set {name:?} in the results"
        );
    }
    for name in args.codec.iter().chain(&args.bd) {
        ensure!(
            results.curves.iter().any(|c| c.name == *name),
            "no codec {name:?} in the results"
        );
    }
    let wanted = |d: &&Dataset| args.dataset.is_empty() || args.dataset.contains(&d.name);
    let datasets: Vec<&Dataset> = results.datasets.iter().filter(wanted).collect();
    match &args.bd {
        Some(anchor) => bd(results, &datasets, anchor, args),
        None if !args.wide.is_empty() => wide(&lines(results, &datasets, args), &args.wide),
        None => points(results, &datasets, args),
    }
}

/// A table of some figures of all results, for other commands.
///
/// # Errors
/// Results without any of them.
pub fn of(results: &Results, columns: &[&str]) -> Result<String> {
    let args = TableArgs {
        columns: columns.iter().map(ToString::to_string).collect(),
        ..TableArgs::default()
    };
    Ok(markdown(&make(results, &args)?, false))
}

/// The curves that were asked for, and nothing of the others.
fn only_curves(mut results: Results, args: &TableArgs) -> Results {
    let named = |names: &[String], name: &String| names.is_empty() || names.contains(name);
    results.rows.clear();
    results.datasets.retain(|d| named(&args.dataset, &d.name));
    results.curves.retain(|c| {
        results.datasets.iter().any(|d| d.name == c.dataset) && named(&args.codec, &c.name)
    });
    results
        .codecs
        .retain(|c| results.curves.iter().any(|curve| curve.name == c.name));
    results
}

/// Curves of a data set, in the order asked for.
fn curves<'a>(results: &'a Results, dataset: &Dataset, args: &TableArgs) -> Vec<&'a Curve> {
    let of_set: Vec<&Curve> = results
        .curves
        .iter()
        .filter(|c| c.dataset == dataset.name)
        .collect();
    if args.codec.is_empty() {
        return of_set;
    }
    let named = args.codec.iter();
    named
        .filter_map(|name| of_set.iter().copied().find(|c| c.name == *name))
        .collect()
}

/// A setting of a codec on a data set, or what is read off between two.
struct Line<'a> {
    dataset: &'a str,
    codec: &'a str,
    setting: String,
    figures: BTreeMap<String, f64>,
}

fn lines<'a>(results: &'a Results, datasets: &[&'a Dataset], args: &TableArgs) -> Vec<Line<'a>> {
    let mut out = Vec::new();
    for dataset in datasets {
        for curve in curves(results, dataset, args) {
            let mut points = match &args.at {
                Some((name, at)) => read_off(curve, name, *at),
                None => points_of(curve),
            };
            if args.best {
                let rate = |p: &Point| p.1.get(&dataset.rate).copied().unwrap_or(f64::INFINITY);
                points.sort_by(|a, b| rate(a).total_cmp(&rate(b)));
                points.truncate(1);
            }
            let line = |(setting, figures)| Line {
                dataset: &dataset.name,
                codec: &curve.name,
                setting,
                figures,
            };
            out.extend(points.into_iter().map(line));
        }
    }
    out
}

/// A line for each data set: the first figure under the codec's name, others under both names.
fn wide(lines: &[Line<'_>], figures: &[String]) -> Result<Table> {
    let mut head = vec!["dataset".to_string()];
    let mut rows: Vec<Vec<String>> = Vec::new();
    let several = |codec: &str, dataset: &str| {
        let same = lines
            .iter()
            .filter(|l| l.codec == codec && l.dataset == dataset);
        same.count() > 1
    };
    for (k, figure) in figures.iter().enumerate() {
        let mut any = false;
        for line in lines {
            let Some(value) = line.figures.get(figure) else {
                continue;
            };
            any = true;
            let mut name = line.codec.to_string();
            if several(line.codec, line.dataset) && !line.setting.is_empty() {
                name = format!("{name} {}", line.setting);
            }
            if k > 0 {
                name = format!("{name}, {figure}");
            }
            let column = head.iter().position(|h| *h == name).unwrap_or_else(|| {
                head.push(name);
                head.len() - 1
            });
            let at = rows
                .iter()
                .position(|r| r.first().is_some_and(|d| d == line.dataset));
            let at = at.unwrap_or_else(|| {
                rows.push(vec![line.dataset.to_string()]);
                rows.len() - 1
            });
            if let Some(row) = rows.get_mut(at) {
                row.resize(row.len().max(column + 1), String::new());
                row[column] = number(figure, *value);
            }
        }
        ensure!(any, "no figure {figure:?} in the results");
    }
    for row in &mut rows {
        row.resize(head.len(), String::new());
    }
    Ok((head, rows))
}

fn points(results: &Results, datasets: &[&Dataset], args: &TableArgs) -> Result<Table> {
    let mut head = args.columns.clone();
    if head.is_empty() {
        if datasets.len() > 1 {
            head.push("dataset".into());
        }
        let add = |names: &[&str], head: &mut Vec<String>| {
            head.extend(names.iter().map(ToString::to_string));
        };
        add(&["codec", "setting"], &mut head);
        for d in datasets {
            let metrics = d.quality.iter().take(3).map(String::as_str);
            let names = [d.rate.as_str()].into_iter().chain(metrics);
            let new: Vec<&str> = names.filter(|n| !head.iter().any(|h| h == n)).collect();
            add(&new, &mut head);
        }
        add(
            &["bytes", "model_bytes", "encode_s", "decode_s", "failed"],
            &mut head,
        );
    }
    let mut rows = Vec::new();
    let mut known = vec![false; head.len()];
    for line in lines(results, datasets, args) {
        let cell = |column: &String| match column.as_str() {
            "dataset" => line.dataset.to_string(),
            "codec" => line.codec.to_string(),
            "setting" => line.setting.clone(),
            name => {
                let value = line.figures.get(name);
                value.map_or_else(String::new, |v| number(name, *v))
            }
        };
        rows.push(head.iter().map(cell).collect::<Vec<_>>());
        for (known, name) in known.iter_mut().zip(&head) {
            *known |= line.figures.contains_key(name)
                || ["dataset", "codec", "setting"].contains(&name.as_str());
        }
    }
    ensure!(!rows.is_empty(), "no codec of that name on that data set");
    if let Some((name, _)) = head.iter().zip(&known).find(|(_, k)| !**k)
        && args.columns.contains(name)
    {
        bail!("no figure {name:?} in the results");
    }
    // Columns that say nothing were not asked for by name.
    let says = |i: usize| {
        let mut cells = rows.iter().filter_map(|r| r.get(i));
        !args.columns.is_empty()
            || cells.any(|c: &String| {
                !c.is_empty() && (head.get(i).is_none_or(|h| h != "failed") || c != "0")
            })
    };
    let keep: Vec<usize> = (0..head.len()).filter(|&i| says(i)).collect();
    let pick = |row: &Vec<String>| keep.iter().filter_map(|&i| row.get(i).cloned()).collect();
    Ok((pick(&head), rows.iter().map(pick).collect()))
}

/// Points that a shown metric does not have because it is infinite.
fn infinite(results: &Results, args: &TableArgs, head: &[String]) -> Vec<String> {
    let mut out = Vec::new();
    for dataset in &results.datasets {
        if !args.dataset.is_empty() && !args.dataset.contains(&dataset.name) {
            continue;
        }
        let metrics: Vec<&String> = match args.bd.is_some() {
            true => args.metric.iter().chain(&dataset.quality).take(1).collect(),
            false => head.iter().collect(),
        };
        for curve in curves(results, dataset, args) {
            let of = |m: &&String| super::curves::infinite(curve, dataset, m);
            out.extend(metrics.iter().flat_map(of));
        }
    }
    out
}

fn bd(results: &Results, datasets: &[&Dataset], anchor: &str, args: &TableArgs) -> Result<Table> {
    if let Some(name) = &args.metric {
        let mut all = datasets.iter().flat_map(|d| curves(results, d, args));
        ensure!(
            all.any(|c| c.results.contains_key(name)),
            "no figure {name:?} in the results"
        );
    }
    let head = [
        "dataset",
        "metric",
        "codec",
        "BD-rate %",
        "Akima",
        "BD-quality",
        "from",
        "to",
        "overlap",
    ];
    let mut rows = Vec::new();
    for dataset in datasets {
        let Some(metric) = args.metric.as_ref().or(dataset.quality.first()) else {
            continue;
        };
        let points = |c: &Curve| curve_points(c, &dataset.rate, metric);
        let of_set = || results.curves.iter().filter(|c| c.dataset == dataset.name);
        let Some(base) = of_set().find(|c| c.name == anchor).map(points) else {
            continue;
        };
        for curve in curves(results, dataset, args) {
            let test = points(curve);
            if curve.name == anchor || test.is_empty() {
                continue;
            }
            let mut row = vec![dataset.name.clone(), metric.clone(), curve.name.clone()];
            match bd_rate(&base, &test, Fit::Pchip) {
                Ok(bd) => row.extend([
                    format!("{:+.1}", bd.value),
                    bd_rate(&base, &test, Fit::Akima)
                        .map_or_else(|_| String::new(), |b| format!("{:+.1}", b.value)),
                    bd_quality(&base, &test, Fit::Pchip)
                        .map_or_else(|_| String::new(), |b| format!("{:+.3}", b.value)),
                    number(metric, bd.low),
                    number(metric, bd.high),
                    format!("{:.0}%", bd.overlap * 100.0),
                ]),
                Err(e) => row.extend([
                    format!("none: {}", e.to_string().trim_start_matches("usage: ")),
                    String::new(),
                    String::new(),
                    String::new(),
                    String::new(),
                    String::new(),
                ]),
            }
            rows.push(row);
        }
    }
    Ok((head.map(String::from).to_vec(), rows))
}

/// A figure with the digits that it deserves.
fn number(name: &str, v: f64) -> String {
    let three = |v: f64| match v.abs() {
        100.0.. => format!("{v:.0}"),
        10.0.. => format!("{v:.1}"),
        1.0.. => format!("{v:.2}"),
        _ => format!("{v:.3}"),
    };
    match name {
        "bytes" | "model_bytes" | "bytes_with_model" => thousands(v.round() as u64),
        "inputs" | "failed" => format!("{v:.0}"),
        "stoi" | "estoi" | "bpp" | "bpsp" | "bpd" => format!("{v:.3}"),
        "ssim" | "ms-ssim" => format!("{v:.4}"),
        _ if ["_s", "_fps", "realtime", "_mib"]
            .iter()
            .any(|e| name.ends_with(e)) =>
        {
            three(v)
        }
        _ => format!("{v:.2}"),
    }
}

fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

fn markdown((head, rows): &Table, bd: bool) -> String {
    let words = if bd {
        3
    } else {
        head.iter()
            .take_while(|h| ["dataset", "codec", "setting"].contains(&h.as_str()))
            .count()
    };
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells
            .iter()
            .map(|c| match c.is_empty() {
                true => "-".into(),
                false => c.replace('|', "\\|"),
            })
            .collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let rule: Vec<String> = (0..head.len())
        .map(|i| if i < words { "---" } else { "---:" }.into())
        .collect();
    let body: String = rows.iter().map(|r| line(r)).collect();
    format!("{}{}{body}", line(head), line(&rule))
}

fn csv((head, rows): &Table) -> String {
    let line = |cells: &Vec<String>| {
        let cells: Vec<String> = cells.iter().map(|c| quoted(c)).collect();
        format!("{}\n", cells.join(","))
    };
    std::iter::once(head).chain(rows).map(line).collect()
}

/// A document with a table between the marks of that name.
fn between(document: &str, name: &str, table: &str) -> Result<String> {
    let start = format!("<!-- nc-rd table {name} -->\n");
    let end = "<!-- end -->";
    let (before, rest) = document
        .split_once(&start)
        .with_context(|| format!("no mark {:?}", start.trim()))?;
    let (old, after) = rest
        .split_once(end)
        .with_context(|| format!("no {end} after the mark of {name}"))?;
    ensure!(
        !old.contains("<!-- nc-rd table "),
        "no {end} before the next mark after {name}"
    );
    ensure!(!after.contains(&start), "two marks of {name}");
    Ok(format!("{before}{start}{table}{end}{after}"))
}

#[cfg(test)]
mod tests;
