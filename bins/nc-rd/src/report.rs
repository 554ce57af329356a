//! Results as rows, their means, and the files and tables made of them.
//!
//! A curve has CompressAI's shape, `{name, description, results: {rate: [...], ...}}`, so that a
//! plot reads rates and figures side by side; the rows of single clips stay beside it, because a
//! mean hides the clip that broke.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use nc_corpora::metrics::Scores;
use serde::{Deserialize, Serialize};

/// One clip at one setting.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    /// Codec.
    pub codec: String,
    /// Its setting.
    pub setting: String,
    /// File, relative to the folder.
    pub clip: String,
    /// Length of the clip.
    pub seconds: f64,
    /// kbit/s that were asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub target_kbps: Option<f64>,
    /// Size of the file on disk; none where only samples were judged.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bytes: Option<u64>,
    /// Size without the container.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub payload_bytes: Option<u64>,
    /// Wall time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub encode_s: Option<f64>,
    /// Wall time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub decode_s: Option<f64>,
    /// The figures.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scores: Option<Scores>,
    /// Why there are none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
}

/// One codec over its settings: a list per figure, all of one length.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Curve {
    /// Codec.
    pub name: String,
    /// Versions and arguments, one a setting.
    pub description: String,
    /// Lists of means; `null` where a setting has none.
    pub results: BTreeMap<String, Vec<Option<f64>>>,
}

/// A whole run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// Clips judged.
    pub clips: usize,
    /// Their length.
    pub seconds: f64,
    /// Commands that were not there.
    pub skipped: Vec<String>,
    /// One a codec.
    pub curves: Vec<Curve>,
    /// One a clip and setting.
    pub rows: Vec<Row>,
}

/// Means of the rows of one codec and setting.
#[derive(Debug, Clone, Default)]
pub struct Means {
    /// By name, as in [`Curve::results`].
    pub figures: BTreeMap<&'static str, f64>,
}

/// Names of the figures, in the order of the table, with digits after the point.
const COLUMNS: [(&str, &str, usize); 11] = [
    ("kbps", "kbit/s", 3),
    ("payload_kbps", "payload", 3),
    ("over_target", "over %", 0),
    ("pesq_wb", "PESQ-WB", 3),
    ("stoi", "STOI", 4),
    ("estoi", "ESTOI", 4),
    ("si_sdr", "SI-SDR dB", 2),
    ("log_mel", "log-mel dB", 2),
    ("encode_x", "encode x", 0),
    ("decode_x", "decode x", 0),
    ("failed", "failed", 0),
];

impl Means {
    /// Rates are pooled (all bits over all seconds), quality figures are means over clips,
    /// `over_target` is the percentage of clips above the rate that was asked for, `encode_x`
    /// and `decode_x` are seconds of sound per second of work.
    pub fn of<'a>(rows: impl Iterator<Item = &'a Row> + Clone) -> Self {
        let failed = rows.clone().filter(|r| r.error.is_some()).count();
        let mut it = Self::default();
        let good = rows.filter(|r| r.error.is_none());
        let mut put = |name, value: f64| {
            if value.is_finite() {
                it.figures.insert(name, value);
            }
        };
        let pooled = |f: &dyn Fn(&Row) -> Option<f64>| {
            let (mut sum, mut seconds) = (0.0, 0.0);
            for r in good.clone() {
                sum += f(r).unwrap_or(f64::NAN);
                seconds += r.seconds;
            }
            (sum, seconds)
        };
        let kbps = |(bytes, seconds): (f64, f64)| bytes * 8.0 / seconds / 1000.0;
        put("kbps", kbps(pooled(&|r| r.bytes.map(|b| b as f64))));
        put(
            "payload_kbps",
            kbps(pooled(&|r| r.payload_bytes.map(|b| b as f64))),
        );
        let speed = |(work, seconds): (f64, f64)| seconds / work;
        put("encode_x", speed(pooled(&|r| r.encode_s)));
        put("decode_x", speed(pooled(&|r| r.decode_s)));
        let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
        put(
            "over_target",
            100.0
                * mean(
                    good.clone()
                        .filter_map(|r| Some((r.target_kbps?, r.bytes?, r.seconds)))
                        .map(|(t, b, s)| f64::from(u8::from(b as f64 * 8.0 / s / 1000.0 > t)))
                        .collect(),
                ),
        );
        let over = |f: fn(&Scores) -> f64| {
            mean(
                good.clone()
                    .filter_map(|r| r.scores.as_ref().map(f))
                    .collect(),
            )
        };
        put("pesq_wb", over(|s| s.pesq_wb));
        put("stoi", over(|s| s.stoi));
        put("estoi", over(|s| s.estoi));
        put("si_sdr", over(|s| s.si_sdr));
        put("log_mel", over(|s| s.log_mel));
        it.figures.insert("failed", failed as f64);
        it
    }
}

/// Codec and setting of the rows, in order of appearance.
fn settings(rows: &[Row]) -> Vec<(&str, &str)> {
    let mut seen = Vec::new();
    for r in rows {
        let key = (r.codec.as_str(), r.setting.as_str());
        if !seen.contains(&key) {
            seen.push(key);
        }
    }
    seen
}

fn means(rows: &[Row], (codec, setting): (&str, &str)) -> Means {
    Means::of(
        rows.iter()
            .filter(|r| r.codec == codec && r.setting == setting),
    )
}

/// The curves of the rows; `describe` gives a setting's version and arguments.
pub fn curves(rows: &[Row], describe: impl Fn(&str, &str) -> String) -> Vec<Curve> {
    let mut out: Vec<Curve> = Vec::new();
    for key in settings(rows) {
        let m = means(rows, key);
        let text = describe(key.0, key.1);
        let at = out.iter().position(|c| c.name == key.0).unwrap_or_else(|| {
            out.push(Curve {
                name: key.0.into(),
                description: String::new(),
                results: COLUMNS
                    .iter()
                    .map(|c| (c.0.to_string(), Vec::new()))
                    .collect(),
            });
            out.len() - 1
        });
        if let Some(curve) = out.get_mut(at) {
            if !curve.description.contains(&text) {
                if !curve.description.is_empty() {
                    curve.description.push_str(" | ");
                }
                curve.description.push_str(&text);
            }
            for (name, values) in &mut curve.results {
                values.push(m.figures.get(name.as_str()).copied());
            }
        }
    }
    out
}

/// A Markdown table of means, one line a codec and setting; columns without any figure are left
/// out.
pub fn table(rows: &[Row]) -> String {
    let lines: Vec<((&str, &str), Means)> = settings(rows)
        .into_iter()
        .map(|k| (k, means(rows, k)))
        .collect();
    let shown: Vec<_> = COLUMNS
        .iter()
        .filter(|(name, ..)| {
            lines.iter().any(|(_, m)| {
                m.figures
                    .get(name)
                    .is_some_and(|v| *name != "failed" || *v > 0.0)
            })
        })
        .collect();
    let mut out = String::from("| codec | setting |");
    shown.iter().for_each(|c| {
        let _ = write!(out, " {} |", c.1);
    });
    out.push_str("\n| --- | --- |");
    shown.iter().for_each(|_| out.push_str(" ---: |"));
    out.push('\n');
    for ((codec, setting), m) in lines {
        let _ = write!(out, "| {codec} | {setting} |");
        for (name, _, digits) in &shown {
            match m.figures.get(name) {
                Some(v) => {
                    let _ = write!(out, " {v:.digits$} |");
                }
                None => out.push_str(" - |"),
            }
        }
        out.push('\n');
    }
    out
}

/// One line a row, with a header; empty fields where there is no figure.
pub fn csv(rows: &[Row]) -> String {
    let mut out = String::from(
        "codec,setting,clip,seconds,target_kbps,bytes,payload_bytes,encode_s,decode_s,\
         pesq_wb,stoi,estoi,si_sdr,log_mel,error\n",
    );
    // A field with a comma, quote or line break is quoted (RFC 4180, section 2).
    let text = |s: &str| {
        if s.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", s.replace('"', "\"\""))
        } else {
            s.to_owned()
        }
    };
    let number = |v: Option<f64>| v.map_or_else(String::new, |v| v.to_string());
    for r in rows {
        let score = |f: fn(&Scores) -> f64| number(r.scores.as_ref().map(f));
        let fields = [
            text(&r.codec),
            text(&r.setting),
            text(&r.clip),
            r.seconds.to_string(),
            number(r.target_kbps),
            r.bytes.map_or_else(String::new, |b| b.to_string()),
            r.payload_bytes.map_or_else(String::new, |b| b.to_string()),
            number(r.encode_s),
            number(r.decode_s),
            score(|s| s.pesq_wb),
            score(|s| s.stoi),
            score(|s| s.estoi),
            score(|s| s.si_sdr),
            score(|s| s.log_mel),
            text(r.error.as_deref().unwrap_or_default()),
        ];
        out.push_str(&fields.join(","));
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn row(setting: &str, seconds: f64, bytes: u64, pesq_wb: f64) -> Row {
        Row {
            codec: "c".into(),
            setting: setting.into(),
            clip: "a, \"b\".wav".into(),
            seconds,
            target_kbps: Some(3.0),
            bytes: Some(bytes),
            payload_bytes: None,
            encode_s: Some(0.5),
            decode_s: None,
            scores: Some(Scores {
                pesq_wb,
                stoi: 0.9,
                estoi: 0.8,
                si_sdr: 5.0,
                log_mel: 6.0,
            }),
            error: None,
        }
    }

    #[test]
    fn rates_are_pooled_and_quality_is_averaged() {
        let mut bad = row("3", 9.0, 1, 1.0);
        bad.error = Some("broke".into());
        bad.scores = None;
        let rows = [
            row("3", 1.0, 1000, 2.0),
            row("3", 3.0, 1000, 3.0),
            bad,
            row("6", 1.0, 500, 4.0),
        ];
        let m = means(&rows, ("c", "3"));
        assert_eq!(m.figures["failed"], 1.0);
        assert_eq!(m.figures["kbps"], 4.0);
        assert_eq!(m.figures["pesq_wb"], 2.5);
        assert_eq!(m.figures["over_target"], 50.0);
        assert_eq!(m.figures["encode_x"], 4.0);
        assert!(!m.figures.contains_key("decode_x"));

        let curves = curves(&rows, |_, s| format!("at {s}"));
        assert_eq!(curves.len(), 1);
        assert_eq!(curves[0].results["pesq_wb"], [Some(2.5), Some(4.0)]);
        assert_eq!(curves[0].results["decode_x"], [None, None]);
        assert_eq!(curves[0].description, "at 3 | at 6");

        let table = table(&rows);
        assert!(table.contains("| c | 3 | 4.000 | 50 | 2.500 |"), "{table}");
        assert!(!table.contains("decode"), "{table}");
        let csv = csv(&rows);
        assert_eq!(csv.lines().count(), 5);
        assert!(
            csv.contains("c,3,\"a, \"\"b\"\".wav\",1,3,1000,,0.5,,2,0.9,0.8,5,6,\n"),
            "{csv}"
        );
        assert!(csv.contains(",broke\n"));
    }
}
