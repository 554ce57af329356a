//! A comparison in words and tables.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::super::results::{CodecUsed, Results};
use super::{Change, Comparison};

/// What is gone, and inputs that are others: a line each.
pub fn not_compared(found: &Comparison) -> String {
    let mut out = String::new();
    if found.means {
        out.push_str("Rows are not there on both sides: means are compared.\n");
    }
    for g in &found.gone {
        let parts = [Some(&g.dataset), g.codec.as_ref(), g.setting.as_ref()];
        let name: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
        let why = match &g.skipped {
            Some(why) => format!("worse: {why}"),
            None => "not asked for again".into(),
        };
        let _ = writeln!(out, "gone: {}: {why}", name.join(", "));
    }
    let mut changed: BTreeMap<&str, usize> = BTreeMap::new();
    for p in &found.points {
        let most = changed.entry(&p.dataset).or_default();
        *most = p.changed.max(*most);
    }
    for (dataset, n) in changed.into_iter().filter(|c| c.1 > 0) {
        let _ = writeln!(
            out,
            "{dataset}: {n} inputs are not the same and not compared"
        );
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

pub fn text(found: &Comparison, before: &Results, after: &Results) -> String {
    let mut out = String::new();
    if before.machine != after.machine {
        out.push_str("Times are of different machines.\n\n");
    }
    for codec in &after.codecs {
        let same = |c: &&CodecUsed| c.name == codec.name && c.kind == codec.kind;
        if let Some(old) = before.codecs.iter().find(same)
            && (&old.version, &old.program_sha256) != (&codec.version, &codec.program_sha256)
        {
            let _ = writeln!(
                out,
                "{}: {} became {}, another program",
                codec.name, old.version, codec.version
            );
        }
    }
    out.push_str(&not_compared(found));
    out.push_str(
        "| data | codec | setting | inputs | bytes | quality | encode time | decode time | worse |\n\
         | --- | --- | --- | ---: | ---: | ---: | ---: | ---: | --- |\n",
    );
    let percent = |p: Option<f64>| p.map_or_else(|| "-".into(), |p| format!("{p:+.2}%"));
    let time = |c: Option<Change>| match c {
        Some(Change {
            percent,
            noise: Some(noise),
        }) => format!("{percent:+.1}% ± {noise:.1}"),
        Some(Change {
            percent,
            noise: None,
        }) => format!("{percent:+.1}% (noise unknown)"),
        None => "-".into(),
    };
    for p in &found.points {
        let quality = p
            .metric
            .as_ref()
            .and_then(|m| Some(format!("{m} {:+.4}", p.metrics.get(m)?)));
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            p.dataset,
            p.codec,
            p.setting,
            p.inputs,
            percent(p.bytes_percent),
            quality.unwrap_or_else(|| "-".into()),
            time(p.encode),
            time(p.decode),
            p.worse.join(", ")
        );
    }
    if !found.curves.is_empty() {
        out.push_str("\n| data | codec | metric | BD-rate | over | worse |\n| --- | --- | --- | ---: | --- | --- |\n");
    }
    for c in &found.curves {
        let (value, over) = match (&c.bd_rate, &c.why_not) {
            (Some(bd), _) => (
                format!("{:+.2}%", bd.value),
                format!("{:.2} to {:.2}", bd.low, bd.high),
            ),
            (None, why) => ("-".into(), why.clone().unwrap_or_default()),
        };
        let worse = if c.worse { "BD-rate" } else { "" };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {value} | {over} | {worse} |",
            c.dataset, c.codec, c.metric
        );
    }
    out
}
