//! Results as a report has them: per dataset a series for each codec, a point for each setting.
//!
//! A point is a mean over inputs. Where a codec failed on some of them its mean is of other inputs than
//! those of its peers: such a point is kept, marked, and left out of lines and of BD figures.

use std::collections::BTreeMap;

use crate::bench::curves;
use crate::bench::results::{Dataset, Kind, Results, Row};
use crate::names::{Figure, figure};

/// A dataset, ready to be shown.
pub struct Set<'a> {
    /// What it is.
    pub dataset: &'a Dataset,
    /// Figure of the x axis.
    pub rate: Figure,
    /// Figures of the y axis, the first is the main one; none where all codecs are lossless.
    pub metrics: Vec<Figure>,
    /// nc's own first, then as in the results.
    pub series: Vec<Series<'a>>,
    /// Rows that failed.
    pub failed: Vec<&'a Row>,
    /// Rows in all.
    pub runs: usize,
}

/// A codec on a dataset.
pub struct Series<'a> {
    /// Codec.
    pub codec: &'a str,
    /// Colour and marker: the same on all datasets of a kind.
    pub style: usize,
    /// Whether it is one of nc's.
    pub own: bool,
    /// Sorted by rate; those without one last.
    pub points: Vec<Point<'a>>,
}

/// A setting of a codec: means over the inputs that came back.
pub struct Point<'a> {
    /// Setting.
    pub setting: &'a str,
    /// Inputs that came back.
    pub good: usize,
    /// Inputs that should have.
    pub of: usize,
    /// Mean rate.
    pub rate: Option<f64>,
    /// Mean rate with the model counted once for the whole dataset.
    pub rate_with_model: Option<f64>,
    /// Mean size in bytes.
    pub bytes: Option<f64>,
    /// By key.
    pub metrics: BTreeMap<&'a str, Mean>,
    /// Whether every input came back equal.
    pub lossless: bool,
    /// Inputs that did.
    pub exact: usize,
    /// Mean seconds of an input.
    pub encode_s: Option<f64>,
    /// Mean seconds of an input.
    pub decode_s: Option<f64>,
    /// Units of input (seconds of sound or video, megapixels, million values) per second of encoding.
    pub encode_speed: Option<f64>,
    /// The same of decoding.
    pub decode_speed: Option<f64>,
    /// Largest peak of memory.
    pub encode_mib: Option<f64>,
    /// Largest peak of memory.
    pub decode_mib: Option<f64>,
    /// Whether all times were taken while nothing else ran.
    pub alone: bool,
    /// Commands of its first run.
    pub command: &'a [String],
}

/// A mean of one metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mean {
    /// The mean.
    pub value: f64,
    /// Inputs in it.
    pub inputs: usize,
    /// Whether it has as many as any point of the dataset, so that means may be compared.
    pub full: bool,
}

impl Point<'_> {
    /// Rate and metric, where both are there and may be compared with other points.
    pub fn at(&self, metric: &str) -> Option<(f64, f64)> {
        let mean = self.metrics.get(metric).filter(|m| m.full)?;
        Some((self.rate?, mean.value))
    }
}

impl Series<'_> {
    /// Rates and metrics of the points that may be compared.
    pub fn curve(&self, metric: &str) -> Vec<(f64, f64)> {
        self.points.iter().filter_map(|p| p.at(metric)).collect()
    }

    /// Encoding time and metric at a rate, off the lines between neighbouring settings over the logarithm
    /// of the rate (of both time and rate); none outside of what was measured.
    pub fn time_at(&self, metric: &str, rate: f64) -> Option<(f64, f64)> {
        let timed = |p: &Point<'_>| Some((p.at(metric)?, p.encode_s.filter(|s| *s > 0.0)?));
        let points: Vec<_> = self.points.iter().filter_map(timed).collect();
        points.windows(2).find_map(|pair| {
            let [((r0, q0), s0), ((r1, q1), s1)] = *pair else {
                return None;
            };
            if !(r0 > 0.0 && r0 < r1 && (r0..=r1).contains(&rate)) {
                return None;
            }
            let t = (rate / r0).ln() / (r1 / r0).ln();
            Some(((s0.ln() + t * (s1 / s0).ln()).exp(), q0 + t * (q1 - q0)))
        })
    }
}

impl<'a> Set<'a> {
    /// Every dataset of the results.
    pub fn all(results: &'a Results) -> Vec<Self> {
        let styles = Styles::of(results);
        results
            .datasets
            .iter()
            .map(|d| Self::of(d, results, &styles))
            .collect()
    }

    fn of(dataset: &'a Dataset, results: &'a Results, styles: &Styles<'a>) -> Self {
        let rows: Vec<&Row> = results
            .rows
            .iter()
            .filter(|r| r.dataset == dataset.name)
            .collect();
        let mut series: Vec<Series<'a>> = Vec::new();
        for codec in styles.codecs(dataset.kind) {
            let mut settings: Vec<&str> = Vec::new();
            for r in rows.iter().filter(|r| r.codec == *codec) {
                if !settings.contains(&r.setting.as_str()) {
                    settings.push(&r.setting);
                }
            }
            if settings.is_empty() {
                continue;
            }
            let mut points: Vec<_> = settings
                .into_iter()
                .map(|setting| {
                    let of = |r: &&&'a Row| r.codec == *codec && r.setting == setting;
                    point(dataset, setting, rows.iter().filter(of).copied().collect())
                })
                .collect();
            points.sort_by(|a, b| {
                let rate = |p: &Point<'_>| p.rate.unwrap_or(f64::INFINITY);
                rate(a).total_cmp(&rate(b))
            });
            series.push(Series {
                codec,
                style: styles.style(dataset.kind, codec),
                own: own(codec),
                points,
            });
        }
        let mut metrics: Vec<Figure> = Vec::new();
        for key in &dataset.quality {
            let all = || series.iter().flat_map(|s| &s.points);
            let most = all()
                .filter_map(|p| Some(p.metrics.get(key.as_str())?.inputs))
                .max();
            for p in series.iter_mut().flat_map(|s| &mut s.points) {
                if let Some(mean) = p.metrics.get_mut(key.as_str()) {
                    mean.full = Some(mean.inputs) == most;
                }
            }
            if most.is_some() {
                metrics.push(figure(key));
            }
        }
        Self {
            dataset,
            rate: figure(&dataset.rate),
            metrics,
            series,
            failed: rows.iter().filter(|r| r.error.is_some()).copied().collect(),
            runs: rows.len(),
        }
    }

    /// Whether rates spread so far that a linear axis would hide the lower ones.
    pub fn log(&self) -> bool {
        let points = self.series.iter().flat_map(|s| &s.points);
        let rates = points
            .filter(|p| !p.lossless && !p.metrics.is_empty())
            .filter_map(|p| p.rate)
            .filter(|r| *r > 0.0);
        let (low, high) = rates.fold((f64::INFINITY, 0.0), |(l, h): (f64, f64), r| {
            (l.min(r), h.max(r))
        });
        high > 8.0 * low
    }

    /// The codec that others are first compared with: the first that is not nc's and has a curve.
    pub fn anchor(&self) -> usize {
        let Some(metric) = self.metrics.first() else {
            return 0;
        };
        let curve = |s: &Series<'_>| s.curve(&metric.key).len() > 1;
        let peer = self.series.iter().position(|s| !s.own && curve(s));
        peer.or_else(|| self.series.iter().position(curve))
            .unwrap_or(0)
    }

    /// Up to three rates at which codecs can be compared, lowest first: a sixth, a half and five sixths
    /// of the way through the rates that two curves cover or more, each counted as often as it is covered.
    pub fn levels(&self) -> Vec<f64> {
        const STEPS: u32 = 60;
        let Some(metric) = self.metrics.first() else {
            return Vec::new();
        };
        let curves = self.series.iter().map(|s| s.curve(&metric.key));
        let ends: Vec<_> = curves
            .filter_map(|c| Some((c.first()?.0, c.last()?.0)))
            .filter(|(low, high)| 0.0 < *low && low < high)
            .collect();
        let low = ends.iter().map(|e| e.0).fold(f64::INFINITY, f64::min);
        let high = ends.iter().map(|e| e.1).fold(0.0, f64::max);
        let covered = |rate: f64| ends.iter().filter(|e| (e.0..=e.1).contains(&rate)).count();
        let grid: Vec<(f64, usize)> = (0..=STEPS)
            .map(|i| low * (high / low).powf(f64::from(i) / f64::from(STEPS)))
            .map(|rate| (rate, covered(rate)))
            .filter(|g| g.1 > 1)
            .collect();
        let all: usize = grid.iter().map(|g| g.1).sum();
        let mut levels: Vec<f64> = Vec::new();
        for sixths in [1, 3, 5] {
            let mut sum = 0;
            let at = grid.iter().find(|g| {
                sum += g.1;
                sum * 6 >= all * sixths
            });
            let level = at.map(|g| two_digits(g.0));
            levels.extend(level.filter(|l| !levels.contains(l)));
        }
        levels
    }

    /// The level at which most codecs can be compared, the middle one rather than others.
    pub fn level(&self, levels: &[f64]) -> usize {
        let Some(metric) = self.metrics.first() else {
            return 0;
        };
        let codecs = |i: &usize| {
            let at = |s: &&Series<'_>| levels.get(*i).and_then(|l| s.time_at(&metric.key, *l));
            self.series.iter().filter(|s| at(s).is_some()).count()
        };
        (0..levels.len())
            .max_by_key(|i| (codecs(i), *i == 1))
            .unwrap_or(0)
    }
}

/// Rounded to two significant digits, so that a level is a number that one can say.
fn two_digits(v: f64) -> f64 {
    format!("{v:.1e}").parse().unwrap_or(v)
}

fn point<'a>(dataset: &Dataset, setting: &'a str, rows: Vec<&'a Row>) -> Point<'a> {
    let good: Vec<&Row> = rows.iter().filter(|r| r.error.is_none()).copied().collect();
    let mean = |f: &dyn Fn(&Row) -> Option<f64>| {
        let values: Vec<f64> = good
            .iter()
            .filter_map(|r| f(r))
            .filter(|v| v.is_finite())
            .collect();
        let n = values.len();
        (n > 0).then(|| (values.iter().sum::<f64>() / n as f64, n))
    };
    let only = |f: &dyn Fn(&Row) -> Option<f64>| mean(f).map(|m| m.0);
    let peak = |f: &dyn Fn(&Row) -> Option<f64>| good.iter().filter_map(|r| f(r)).reduce(f64::max);
    let units = |r: &Row| match dataset.kind {
        Kind::Audio | Kind::Video => r.seconds,
        // Size over rate is how much input there was.
        Kind::Image => per_rate(r, "bpp"),
        Kind::Records => per_rate(r, "bpd"),
    };
    let speed = |seconds: &dyn Fn(&Row) -> Option<f64>| {
        let (mut work, mut time) = (0.0, 0.0);
        for r in &good {
            work += units(r)?;
            time += seconds(r)?;
        }
        (time > 0.0).then_some(work / time)
    };
    let mut metrics = BTreeMap::new();
    for key in good.iter().flat_map(|r| r.metrics.keys()) {
        if let Some((value, inputs)) = mean(&|r| r.metrics.get(key).copied()) {
            let mean = Mean {
                value,
                inputs,
                full: false,
            };
            metrics.insert(key.as_str(), mean);
        }
    }
    metrics.remove("lossless");
    let exact = good.iter().filter(|r| curves::exact(r)).count();
    let lossless = exact == good.len() && exact > 0;
    let rate = only(&|r| r.rates.get(&dataset.rate).copied());
    let bytes: u64 = good.iter().filter_map(|r| r.bytes).sum();
    let model = good.iter().filter_map(|r| r.model_bytes).max();
    Point {
        setting,
        good: good.len(),
        of: rows.len().max(dataset.inputs),
        rate,
        rate_with_model: rate
            .zip(model)
            .filter(|_| bytes > 0)
            .map(|(r, m)| r * (bytes + m) as f64 / bytes as f64),
        bytes: only(&|r| r.bytes.map(|b| b as f64)),
        metrics,
        lossless,
        exact,
        encode_s: only(&|r| r.encode_s),
        decode_s: only(&|r| r.decode_s),
        encode_speed: speed(&|r| r.encode_s),
        decode_speed: speed(&|r| r.decode_s),
        encode_mib: peak(&|r| r.encode_peak_mib),
        decode_mib: peak(&|r| r.decode_peak_mib),
        alone: good.iter().all(|r| r.timed_alone),
        command: rows.first().map_or(&[], |r| &r.command),
    }
}

/// Millions of pixels or values of an input, by its size and its bits for each of them.
fn per_rate(r: &Row, name: &str) -> Option<f64> {
    let rate = r.rates.get(name).filter(|v| **v > 0.0)?;
    Some(r.bytes? as f64 * 8.0 / 1e6 / rate)
}

/// Whether a codec is one of nc's: called `nc`, or `nc` and something more.
fn own(codec: &str) -> bool {
    codec
        .strip_prefix("nc")
        .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
}

/// Codecs of each kind of dataset; the place of one is its style.
struct Styles<'a>(Vec<(Kind, Vec<&'a str>)>);

impl<'a> Styles<'a> {
    fn of(results: &'a Results) -> Self {
        let mut all: Vec<(Kind, Vec<&str>)> = Vec::new();
        let rank = |codec: &str| results.codecs.iter().position(|c| c.name == codec);
        for d in &results.datasets {
            let at = all.iter().position(|a| a.0 == d.kind).unwrap_or_else(|| {
                all.push((d.kind, Vec::new()));
                all.len() - 1
            });
            let Some((_, codecs)) = all.get_mut(at) else {
                continue;
            };
            for r in results.rows.iter().filter(|r| r.dataset == d.name) {
                if !codecs.contains(&r.codec.as_str()) {
                    codecs.push(&r.codec);
                }
            }
            codecs.sort_by_key(|c| (!own(c), rank(c).unwrap_or(usize::MAX)));
        }
        Self(all)
    }

    fn codecs(&self, kind: Kind) -> &[&'a str] {
        self.0.iter().find(|a| a.0 == kind).map_or(&[], |a| &a.1)
    }

    fn style(&self, kind: Kind, codec: &str) -> usize {
        self.codecs(kind)
            .iter()
            .position(|c| *c == codec)
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
