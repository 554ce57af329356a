//! Means over inputs as curves in CompressAI's shape, and rows as CSV.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;

use super::cache;
use super::job::plain_name;
use super::judge;
use super::results::{CodecUsed, Curve, Dataset, Kind, Row};

/// Figures of a row by name, as they stand in a curve.
pub fn figures(row: &Row) -> BTreeMap<String, f64> {
    let mut out: BTreeMap<String, f64> = row.rates.clone();
    out.extend(row.metrics.clone());
    let speed = |s: Option<f64>| Some(row.seconds? / s.filter(|&s| s > 0.0)?);
    let frames = |s: Option<f64>| Some(row.frames? as f64 / s.filter(|&s| s > 0.0)?);
    let model = row.model_bytes.map(|m| m as f64);
    let bytes = row.bytes.map(|b| b as f64);
    let more = [
        ("bytes", bytes),
        ("model_bytes", model),
        ("bytes_with_model", bytes.zip(model).map(|(b, m)| b + m)),
        ("prepare_s", row.prepare_s),
        ("encode_s", row.encode_s),
        ("decode_s", row.decode_s),
        ("encode_x_realtime", speed(row.encode_s)),
        ("decode_x_realtime", speed(row.decode_s)),
        ("encode_fps", frames(row.encode_s)),
        ("decode_fps", frames(row.decode_s)),
        ("encode_peak_mib", row.encode_peak_mib),
        ("decode_peak_mib", row.decode_peak_mib),
    ];
    out.extend(
        more.into_iter()
            .filter_map(|(k, v)| Some((k.to_string(), v?))),
    );
    out
}

/// Metrics that some codec has, by input: on a sound that is too short for PESQ none has it.
type Defined<'a> = BTreeSet<(&'a str, &'a str)>;

fn defined<'a>(rows: &[&'a Row]) -> Defined<'a> {
    let good = rows.iter().filter(|r| r.error.is_none());
    good.flat_map(|r| r.metrics.keys().map(|m| (m.as_str(), r.input.as_str())))
        .collect()
}

/// Means of the figures of some rows, over those that have them; failed ones are counted.
fn means(rows: &[&Row], defined: &Defined<'_>) -> BTreeMap<String, f64> {
    let mut lists: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for row in rows.iter().filter(|r| r.error.is_none()) {
        for (name, value) in figures(row) {
            lists.entry(name).or_default().push(value);
        }
    }
    let whole = lists.values().map(Vec::len).max().unwrap_or(0);
    // A metric that no codec has on an input is missing from the means of all alike. An infinite figure
    // is left out of a row too, and there a mean over the others would be another thing.
    let undefined = |metric: &str| {
        // Of rates, sizes and times nothing is ever undefined.
        let judged = rows.iter().any(|r| r.metrics.contains_key(metric));
        let good = rows.iter().filter(|r| judged && r.error.is_none());
        good.filter(|r| !exact(r) && !defined.contains(&(metric, r.input.as_str())))
            .count()
    };
    let mut out: BTreeMap<String, f64> = lists
        .into_iter()
        .filter(|(name, values)| values.len() == whole || values.len() + undefined(name) == whole)
        .map(|(name, values)| (name, values.iter().sum::<f64>() / values.len() as f64))
        .collect();
    let failed = rows.iter().filter(|r| r.error.is_some()).count();
    out.insert("inputs".into(), rows.len() as f64);
    out.insert("failed".into(), failed as f64);
    out
}

/// Whether all of an input came back.
pub fn exact(row: &Row) -> bool {
    row.metrics.get("lossless") == Some(&1.0)
}

/// Whether a metric is infinite where all came back.
pub fn can_be_infinite(metric: &str) -> bool {
    ["psnr", "snr", "si-sdr"]
        .iter()
        .any(|m| metric.starts_with(m))
}

/// Points of a curve that a metric does not have because it is infinite for some inputs, in words.
pub fn infinite(curve: &Curve, dataset: &Dataset, metric: &str) -> Vec<String> {
    if !can_be_infinite(metric) {
        return Vec::new();
    }
    let at = |name: &str, i: usize| curve.results.get(name)?.get(i).copied()?;
    let one = |(i, setting): (usize, &String)| {
        // Exact codecs have no figures of quality at all.
        let judged = dataset.quality.iter().any(|q| at(q, i).is_some());
        let good = at("inputs", i)? - at("failed", i)?;
        let n = (at("lossless", i)? * good).round();
        let none = judged && n > 0.0 && at(metric, i).is_none();
        let name = [curve.dataset.as_str(), &curve.name, setting].join(" ");
        none.then(|| {
            let name = name.trim_end();
            format!("{name}: {metric} is infinite for {n} of {good} inputs: no point")
        })
    };
    curve.settings.iter().enumerate().filter_map(one).collect()
}

/// One curve for each data set and codec.
pub fn curves(datasets: &[Dataset], codecs: &[CodecUsed], rows: &[Row]) -> Vec<Curve> {
    let mut out = Vec::new();
    for dataset in datasets {
        let of_set: Vec<&Row> = rows.iter().filter(|r| r.dataset == dataset.name).collect();
        let defined = defined(&of_set);
        for name in unique(of_set.iter().map(|r| r.codec.as_str())) {
            let of_codec = || of_set.iter().copied().filter(|r| r.codec == name);
            let mut points: Vec<(String, BTreeMap<String, f64>)> =
                unique(of_codec().map(|r| r.setting.as_str()))
                    .into_iter()
                    .map(|setting| {
                        let rows: Vec<&Row> = of_codec().filter(|r| r.setting == setting).collect();
                        (setting.to_string(), means(&rows, &defined))
                    })
                    .collect();
            let rate = |p: &BTreeMap<String, f64>| p.get(&dataset.rate).copied();
            // Points without a rate, where all failed, come last.
            points.sort_by(|(_, a), (_, b)| {
                let of = |p| rate(p).unwrap_or(f64::INFINITY);
                of(a).total_cmp(&of(b))
            });
            let names: BTreeSet<&String> = points.iter().flat_map(|(_, p)| p.keys()).collect();
            let results = names
                .into_iter()
                .map(|name| {
                    (
                        name.clone(),
                        points.iter().map(|(_, p)| p.get(name).copied()).collect(),
                    )
                })
                .collect();
            out.push(Curve {
                name: name.to_string(),
                dataset: dataset.name.clone(),
                description: describe(name, dataset.kind, codecs),
                quoted: false,
                settings: points.into_iter().map(|(s, _)| s).collect(),
                results,
            });
        }
    }
    out
}

/// A setting and its figures.
pub type Point = (String, BTreeMap<String, f64>);

/// The points of a curve.
pub fn points(curve: &Curve) -> Vec<Point> {
    let figures = |i: usize| {
        let of = |(k, v): (&String, &Vec<Option<f64>>)| Some((k.clone(), v.get(i).copied()??));
        curve.results.iter().filter_map(of).collect()
    };
    let settings = curve.settings.iter().enumerate();
    settings.map(|(i, s)| (s.clone(), figures(i))).collect()
}

/// Share of a figure within which a point counts as one at it.
const NEAR: f64 = 0.05;
/// Figures that are sizes, read off over their logarithm as times are.
const RATES: [&str; 5] = ["bytes", "kbps", "bpp", "bpsp", "bpd"];

/// A curve where one of its figures has some value: its points that are near it, or else what is read off
/// the line between the nearest on both sides, over the logarithm of that figure. Of each the settings and
/// all figures, sizes and times by their logarithm too. Nothing outside of what was measured.
pub fn read_off(curve: &Curve, name: &str, at: f64) -> Vec<Point> {
    let mut points: Vec<(f64, Point)> = points(curve)
        .into_iter()
        .filter_map(|p| Some((p.1.get(name).copied().filter(|v| *v > 0.0)?, p)))
        .collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let near = |v: &f64| (v / at - 1.0).abs() <= NEAR;
    let there: Vec<_> = points.iter().filter(|p| near(&p.0)).collect();
    if !there.is_empty() {
        return there.into_iter().map(|p| p.1.clone()).collect();
    }
    let pairs = points.iter().zip(points.iter().skip(1));
    let mut around = pairs.filter(|(a, b)| (a.0..b.0).contains(&at));
    let Some(((a, (first, below)), (b, (second, above)))) = around.next() else {
        return Vec::new();
    };
    let t = (at / a).ln() / (b / a).ln();
    let between = |(key, &y): (&String, &f64)| {
        let z = *above.get(key)?;
        let log = key.ends_with("_s") || RATES.contains(&key.as_str());
        let value = match log && y > 0.0 && z > 0.0 {
            true => (y.ln() + t * (z / y).ln()).exp(),
            false => y + t * (z - y),
        };
        Some((key.clone(), value))
    };
    let figures: BTreeMap<String, f64> = below.iter().filter_map(between).collect();
    let between = match first == second {
        true => first.clone(),
        false => format!("{first} to {second}"),
    };
    vec![(between, figures)]
}

fn describe(name: &str, kind: Kind, codecs: &[CodecUsed]) -> String {
    let kind = format!("{kind:?}").to_lowercase();
    let of_kind = |c: &&CodecUsed| c.name == name && (c.kind == kind || c.kind == "bytes");
    codecs.iter().find(of_kind).map_or_else(String::new, |c| {
        let semicolon = if c.version.is_empty() { "" } else { "; " };
        format!("{}{semicolon}{}", c.version, c.encode)
    })
}

/// In the order of first appearance.
pub fn unique<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = BTreeSet::new();
    names.filter(|n| seen.insert(*n)).collect()
}

/// Writes one file for each curve into `curves/`, of the points that have all figures: a reader of
/// CompressAI's knows no gaps.
///
/// # Errors
/// I/O.
pub fn write_curves(root: &Path, curves: &[Curve]) -> Result<()> {
    let folder = root.join("curves");
    // Those of an earlier plan would stand among these.
    if folder.is_dir() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    for curve in curves {
        let has = |name: &str, at: usize| {
            let list = curve.results.get(name);
            list.and_then(|v| v.get(at)).is_some_and(Option::is_some)
        };
        let all = 0..curve.settings.len();
        let rated: Vec<usize> = all.filter(|&i| has("bytes", i)).collect();
        // A point where nothing differs has no PSNR; among exact points nothing else is to be had.
        let judged = |&i: &usize| {
            judge::QUALITIES.iter().all(|q| {
                q.iter()
                    .all(|n| has(n, i) || !curve.results.contains_key(*n))
            })
        };
        let judged: Vec<usize> = rated.iter().copied().filter(judged).collect();
        let keep = if judged.is_empty() { rated } else { judged };
        if keep.is_empty() {
            continue;
        }
        let pick = |v: &Vec<Option<f64>>| -> Option<Vec<f64>> {
            keep.iter().map(|&i| v.get(i).copied().flatten()).collect()
        };
        let results: BTreeMap<&String, Vec<f64>> = curve
            .results
            .iter()
            .filter_map(|(k, v)| Some((k, pick(v)?)))
            .collect();
        let settings: Vec<&String> = keep.iter().filter_map(|&i| curve.settings.get(i)).collect();
        let json = serde_json::json!({
            "name": curve.name,
            "description": curve.description,
            "settings": settings,
            "results": results,
        });
        let name = plain_name(&[&curve.dataset, &curve.name]);
        let path = folder.join(format!("{name}.json"));
        cache::write(&path, &serde_json::to_vec_pretty(&json)?)?;
    }
    Ok(())
}

/// Metrics of a kind that its rows have, best first; none where all is lossless.
pub fn quality(kind: Kind, rows: &[&Row]) -> Vec<String> {
    let has = |name: &&&str| rows.iter().any(|r| r.metrics.contains_key(**name));
    judge::quality(kind)
        .iter()
        .filter(has)
        .map(|s| s.to_string())
        .collect()
}

/// Rows as CSV, a column for each figure that any of them has.
pub fn csv(rows: &[Row]) -> String {
    let names: BTreeSet<String> = rows.iter().flat_map(|r| figures(r).into_keys()).collect();
    let mut out = String::from("dataset,input,codec,setting,timed_alone,error");
    names.iter().for_each(|n| out.extend([",", n.as_str()]));
    out.push('\n');
    for row in rows {
        let error = row.error.as_deref().unwrap_or_default();
        let alone = row.timed_alone.to_string();
        let own = [&row.dataset, &row.input, &row.codec, &row.setting].map(String::as_str);
        let texts = own.into_iter().chain([alone.as_str(), error]);
        let mut cells: Vec<String> = texts.map(quoted).collect();
        let figures = figures(row);
        cells.extend(
            names
                .iter()
                .map(|n| figures.get(n).map_or_else(String::new, f64::to_string)),
        );
        out.push_str(&cells.join(","));
        out.push('\n');
    }
    out
}

/// A cell after RFC 4180.
pub fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_string()
    }
}

#[cfg(test)]
mod tests;
