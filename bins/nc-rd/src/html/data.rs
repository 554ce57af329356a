//! What the script draws, as JSON inside the page.

use serde::Serialize;

use super::Shown;
use crate::chart;
use crate::names::Figure;

#[derive(Serialize)]
struct Data<'a> {
    markers: &'a [&'a [(f64, f64)]],
    colours: usize,
    sets: Vec<Set<'a>>,
}

/// A point of the plot over encoding time, where there is one.
type TimeAndQuality = Option<(f64, f64)>;

#[derive(Serialize)]
struct Set<'a> {
    rate: &'a Figure,
    metrics: &'a [Figure],
    series: Vec<Series<'a>>,
    /// By metric and level: encoding time and quality of each series.
    levels: Vec<Vec<Vec<TimeAndQuality>>>,
}

#[derive(Serialize)]
struct Series<'a> {
    name: &'a str,
    style: usize,
    own: bool,
    points: Vec<Point<'a>>,
}

/// Rate, quality in the order of the metrics, whether each is over all inputs, times, inputs.
#[derive(Serialize)]
struct Point<'a> {
    setting: &'a str,
    rate: Option<f64>,
    quality: Vec<Option<f64>>,
    full: Vec<bool>,
    encode: Option<f64>,
    decode: Option<f64>,
    good: usize,
    of: usize,
}

/// As JSON that no HTML parser takes for markup.
///
/// # Errors
/// None that input reaches.
pub fn json(shown: &[Shown<'_>]) -> anyhow::Result<String> {
    let sets = shown.iter().map(|s| set(&s.set)).collect();
    let data = Data {
        markers: &chart::MARKERS,
        colours: chart::COLOURS.len(),
        sets,
    };
    Ok(serde_json::to_string(&data)?.replace('<', "\\u003c"))
}

fn set<'a>(s: &'a super::view::Set<'a>) -> Set<'a> {
    let series = s.series.iter().map(|c| Series {
        name: c.codec,
        style: c.style,
        own: c.own,
        points: c
            .points
            .iter()
            .map(|p| {
                let means = s.metrics.iter().map(|m| p.metrics.get(m.key.as_str()));
                Point {
                    setting: p.setting,
                    rate: p.rate,
                    quality: means.clone().map(|m| m.map(|m| m.value)).collect(),
                    full: means.map(|m| m.is_some_and(|m| m.full)).collect(),
                    encode: p.encode_s,
                    decode: p.decode_s,
                    good: p.good,
                    of: p.of,
                }
            })
            .collect(),
    });
    let levels = s.levels();
    let at = |metric: &Figure| {
        let level = |l: &f64| {
            s.series
                .iter()
                .map(|c| c.time_at(&metric.key, *l))
                .collect()
        };
        levels.iter().map(level).collect()
    };
    Set {
        rate: &s.rate,
        metrics: &s.metrics,
        series: series.collect(),
        levels: s.metrics.iter().map(at).collect(),
    }
}
