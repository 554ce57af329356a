//! The page: what a reader sees first, the contents, and what the figures were made with.
//!
//! All text goes through maud, which escapes it; a policy in the head lets the page load nothing from
//! elsewhere and run no script but its own, by hash, so that a name in the results can do no harm.

use base64::Engine as _;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use super::parts::{command, swatch};
use super::tables;
use super::{Shown, compare, data};
use crate::bench::results::{Kind, Results};
use crate::chart;
use crate::names::{signed, three, whole};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("report.js");

/// The whole page.
///
/// # Errors
/// Numbers that JSON cannot have: none that input reaches.
pub fn page(results: &Results, shown: &[Shown<'_>], rows: Option<&str>) -> anyhow::Result<String> {
    let hash = Sha256::digest(SCRIPT);
    let hash = base64::engine::general_purpose::STANDARD.encode(hash);
    let policy = format!(
        "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; \
         script-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"
    );
    let data = data::json(shown)?;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content={ "nc-rd " (env!("CARGO_PKG_VERSION")) };
                title { (results.name) }
                link rel="icon" href="data:,";
                style { (PreEscaped(colours())) (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the results" }
                (markers())
                header {
                    h1 { (results.name) }
                    @if !results.description.is_empty() { p.lead { (results.description) } }
                    (facts(results))
                    (command("Made by", &results.command))
                }
                (contents(results, shown))
                main #main {
                    (summary(results, shown))
                    @for (i, s) in shown.iter().enumerate() { (dataset(i, s, results)) }
                    (failures(results, shown))
                    (machine(results))
                    (notes(results, rows))
                }
                footer {
                    p { "Made by nc-rd " (env!("CARGO_PKG_VERSION")) ". This file needs no network: all of it is inside." }
                }
                script type="application/json" #data { (PreEscaped(data)) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    Ok(page.into_string())
}

/// The colours of series as classes; the dark ones are in the style sheet.
fn colours() -> String {
    let light: String = chart::COLOURS
        .iter()
        .enumerate()
        .map(|(i, [r, g, b])| format!("--c{i}:#{r:02x}{g:02x}{b:02x};"))
        .collect();
    let classes: String = (0..chart::COLOURS.len())
        .map(|i| format!(".c{i}{{--c:var(--c{i})}}"))
        .collect();
    format!(":root{{{light}}}{classes}")
}

/// The markers of all styles, once for the page.
fn markers() -> Markup {
    html! {
        svg.defs width="0" height="0" aria-hidden="true" {
            @for (i, shape) in chart::MARKERS.iter().enumerate() {
                symbol #{ "m" (i) } viewBox="-11 -8 22 16" {
                    line x1="-11" x2="11" y1="0" y2="0" {}
                    polygon points=(shape.iter().map(|(x, y)| format!("{:.1},{:.1}", x * 4.5, y * 4.5)).collect::<Vec<_>>().join(" ")) {}
                }
            }
        }
    }
}

/// The word for what inputs are, of so many.
fn inputs(kind: Kind, n: usize) -> String {
    let (one, more) = match kind {
        Kind::Audio => ("clip of sound", "clips of sound"),
        Kind::Image => ("picture", "pictures"),
        Kind::Video => ("clip of video", "clips of video"),
        Kind::Records => ("file of records", "files of records"),
    };
    format!("{n} {}", if n == 1 { one } else { more })
}

fn facts(results: &Results) -> Markup {
    let failed = results.rows.iter().filter(|r| r.error.is_some()).count();
    let m = &results.machine;
    html! {
        ul.facts {
            li { b { (results.datasets.len()) } " datasets" }
            li { b { (results.codecs.len()) } " codecs" @if !results.skipped.is_empty() { ", " (results.skipped.len()) " skipped" } }
            li { b { (whole(results.rows.len() as u64)) } " runs, "
                @if failed == 0 { "none failed" } @else { a href="#failed" { (failed) " failed" } } }
            li { (m.cpu) ", " (m.cores) @if m.cores == 1 { " core" } @else { " cores" } }
        }
    }
}

fn contents(results: &Results, shown: &[Shown<'_>]) -> Markup {
    html! {
        nav aria-label="Contents" {
            h2 { "Contents" }
            ol {
                li { a href="#summary" { "Summary" } }
                @for (i, s) in shown.iter().enumerate() {
                    li {
                        a href={ "#set-" (i) } { (s.set.dataset.name) }
                        ul {
                            @if !s.set.metrics.is_empty() {
                                li { a href={ "#set-" (i) "-curves" } { "Curves" } }
                                li { a href={ "#set-" (i) "-bd" } { "BD figures" } }
                            } @else {
                                li { a href={ "#set-" (i) "-size" } { "Size" } }
                            }
                            li { a href={ "#set-" (i) "-time" } { "Time" } }
                            @if !s.examples.is_empty() { li { a href={ "#set-" (i) "-examples" } { "Examples" } } }
                            li { a href={ "#set-" (i) "-figures" } { "All figures" } }
                        }
                    }
                }
                li { a href="#failed" { "Failed and skipped" } }
                li { a href="#made-with" { "Machine and versions" } }
                li { a href="#notes" { "How to read this" } }
            }
            @if results.rows.is_empty() { p { "There is no run yet." } }
        }
    }
}

/// The best of each dataset at one look.
fn summary(results: &Results, shown: &[Shown<'_>]) -> Markup {
    html! {
        section #summary {
            h2 { "Summary" }
            @if shown.iter().all(|s| s.set.series.is_empty()) { p { "No run has ended yet." } }
            @for (i, s) in shown.iter().enumerate().filter(|(_, s)| !s.set.series.is_empty()) {
                h3 { a href={ "#set-" (i) } { (s.set.dataset.name) } }
                (headline(s))
            }
            @if results.rows.iter().any(|r| r.error.is_some()) || !results.skipped.is_empty() {
                p.warn { "Not everything ran: see " a href="#failed" { "what failed and what was skipped" } "." }
            }
        }
    }
}

fn headline(s: &Shown<'_>) -> Markup {
    let set = &s.set;
    let Some(metric) = set.metrics.first() else {
        return tables::sizes(set);
    };
    let anchor = set.anchor();
    let Some(against) = set.series.get(anchor) else {
        return html! {};
    };
    let pairs = s.bd.first().and_then(|m| m.get(anchor));
    let mut known: Vec<_> = set
        .series
        .iter()
        .zip(pairs.into_iter().flatten())
        .filter_map(|(series, pair)| Some((series, pair.pchip.as_ref().ok()?)))
        .filter(|(series, _)| series.codec != against.codec)
        .collect();
    let known_names: Vec<&str> = known.iter().map(|k| k.0.codec).collect();
    let missing: Vec<&str> = set
        .series
        .iter()
        .map(|s| s.codec)
        .filter(|c| *c != against.codec && !known_names.contains(c))
        .collect();
    known.sort_by(|a, b| a.1.value.total_cmp(&b.1.value));
    let widest = known.iter().map(|k| k.1.value.abs()).fold(1.0, f64::max);
    html! {
        @if known.is_empty() {
            p { "No two codecs can be compared at equal " (metric.label) "." }
        } @else {
            p { "Bytes at equal " (metric.label) " against " b { (against.codec) } " (BD-rate, less is better; “only” marks figures over less than 75 % of the range of quality):" }
            ul.bars {
                @for (series, bd) in known {
                    li {
                        span.name { (swatch(series.style)) @if series.own { b { (series.codec) } } @else { (series.codec) } @if bd.overlap < 0.75 { span.small { " " (tables::overlap(bd.overlap)) } } }
                        (tables::diverging(bd.value, widest.min(100.0)))
                        span.value { (signed(bd.value, 1)) " %" }
                    }
                }
            }
            @if !missing.is_empty() { p.small { "Not to be compared so, for the reasons given below: " (missing.join(", ")) "." } }
        }
    }
}

fn dataset(i: usize, s: &Shown<'_>, results: &Results) -> Markup {
    let set = &s.set;
    let d = set.dataset;
    html! {
        section.set #{ "set-" (i) } data-set=(i) {
            h2 { (d.name) }
            p { (inputs(d.kind, d.inputs)) ", " (set.series.len()) " codecs, " (whole(set.runs as u64)) " runs"
                @if !set.failed.is_empty() { ", " a href="#failed" { (set.failed.len()) " failed" } } ". " (d.about) }
            @if set.series.is_empty() {
                p.warn { "No run of this dataset has ended." }
            } @else {
                (toolbar(s))
                @if set.metrics.is_empty() {
                    h3 #{ "set-" (i) "-size" } { "Size" }
                    (tables::sizes(set))
                } @else {
                    h3 #{ "set-" (i) "-curves" } { "Quality against rate" }
                    (curves(s))
                    h3 #{ "set-" (i) "-bd" } { "Bjøntegaard figures" }
                    (tables::bd(i, s))
                }
                h3 #{ "set-" (i) "-time" } { "Time and memory" }
                (times(s))
                (tables::speed(set))
                @if !s.examples.is_empty() {
                    h3 #{ "set-" (i) "-examples" } { @if d.kind == Kind::Audio { "Listen and look" } @else { "Look" } }
                    (compare::examples(s))
                }
                h3 #{ "set-" (i) "-figures" } { "All figures" }
                (tables::figures(i, set))
                (tables::commands(i, set, results))
            }
        }
    }
}

/// Choice of metric and codecs, for all charts of a dataset.
fn toolbar(s: &Shown<'_>) -> Markup {
    let set = &s.set;
    html! {
        div.toolbar role="group" aria-label={ "Metric and codecs of " (set.dataset.name) } {
            @if set.metrics.len() > 1 {
                label.js { "Metric "
                    select data-role="metric" {
                        @for m in &set.metrics { option value=(m.key) { (m.title()) } }
                    }
                }
            }
            ul.legend aria-label="Codecs" {
                @for (j, series) in set.series.iter().enumerate() {
                    li { button type="button" aria-pressed="true" data-series=(j) title={ "Show or hide " (series.codec) } {
                        (swatch(series.style))
                        @if series.own { b { (series.codec) } } @else { (series.codec) }
                    } }
                }
            }
            noscript { p { "Without scripts the plots below do not move; the tables have all figures." } }
        }
    }
}

fn curves(s: &Shown<'_>) -> Markup {
    let set = &s.set;
    let log = set.log();
    let lossless: Vec<_> = set
        .series
        .iter()
        .filter_map(|c| Some((c, c.points.iter().find(|p| p.lossless)?)))
        .collect();
    html! {
        figure.chart data-kind="rate" {
            div.controls.js {
                label { input type="checkbox" data-role="log" checked[log]; " logarithmic rate" }
                span.hint { "Arrow keys walk along the points." }
            }
            div.plot { @if let Some(p) = &s.rate_plot { img src=(p) alt={ "Quality against rate of the codecs on " (set.dataset.name) "; the figures are in the table below" }; } }
            div.readout.js aria-live="polite" {}
            figcaption {
                "Means over " (inputs(set.dataset.kind, set.dataset.inputs)) "; rates are " (set.rate.about) ", headers and all. "
                @if set.metrics.iter().any(|m| !m.up) { "A distance is better where it is lower. " }
                @if tables::partial(set) { "Hollow points are means over fewer inputs, because others failed or because the figure is infinite or not defined for them: they are joined to no line. " }
                @for (metric, codec, setting, n) in tables::infinite(set) { (metric) " is infinite for " (n) " inputs of " (codec) " " (setting) ": no point of the curve. " }
                @if !lossless.is_empty() {
                    "Lossless, so not drawn: "
                    @for (k, (c, p)) in lossless.iter().enumerate() {
                        @if k > 0 { ", " }
                        (c.codec) " " (p.setting) " (" (p.rate.map_or_else(|| "n/a".into(), three)) " " (set.rate.unit) ")"
                    }
                    "."
                }
            }
        }
    }
}

fn times(s: &Shown<'_>) -> Markup {
    let set = &s.set;
    let levels = set.levels();
    let chosen = set.level(&levels);
    html! {
        figure.chart data-kind="time" {
            div.controls.js {
                @if !set.metrics.is_empty() && !levels.is_empty() {
                    label { "At "
                        select data-role="level" {
                            @for (k, l) in levels.iter().enumerate() { option value=(k) selected[k == chosen] { (l) " " (set.rate.unit) } }
                            option value="all" { "every setting" }
                        }
                    }
                }
                label { input type="checkbox" data-role="log" checked; " logarithmic time" }
            }
            div.plot { @if let Some(p) = &s.time_plot { img src=(p) alt={ "Encoding time of the codecs on " (set.dataset.name) "; the figures are in the table below" }; } }
            div.readout.js aria-live="polite" {}
            figcaption {
                @if set.metrics.is_empty() { "Each point is a setting: seconds to encode one input, and the rate that it takes. Lower left is best." }
                @else if levels.is_empty() { "Each point is a setting: seconds to encode one input, and its quality, at whatever rate it takes." }
                @else { "Quality and seconds to encode one input at equal rate, both read off the lines between neighbouring settings over the logarithm of the rate; codecs that were not measured around that rate are not drawn. Left is faster." }
            }
        }
    }
}

fn failures(results: &Results, shown: &[Shown<'_>]) -> Markup {
    let failed: Vec<_> = shown.iter().flat_map(|s| &s.set.failed).collect();
    html! {
        section #failed {
            h2 { "Failed and skipped" }
            @if failed.is_empty() { p { "No run failed." } }
            @else {
                p { (failed.len()) " of " (results.rows.len()) " runs failed. Their rows have no figures and are in no mean." }
                (tables::scroll("Runs that failed", html! {
                    table {
                        thead { tr { th scope="col" { "codec" } th scope="col" { "setting" } th scope="col" { "input" } th scope="col" { "why" } th scope="col" { "command" } } }
                        tbody { @for r in failed { tr {
                            th scope="row" { (r.codec) } td { (r.setting) } td { (r.dataset) ", " (r.input) }
                            td.why { (r.error.as_deref().unwrap_or_default()) }
                            td { details { summary { "show" } (command("", &r.command.join("\n"))) } }
                        } } }
                    }
                }))
            }
            @if results.skipped.is_empty() { p { "No codec was skipped." } }
            @else {
                h3 { "Skipped" }
                ul { @for s in &results.skipped { li { b { (s.codec) } ": " (s.why) } } }
            }
        }
    }
}

fn machine(results: &Results) -> Markup {
    let m = &results.machine;
    html! {
        section #made-with {
            h2 { "Machine and versions" }
            dl {
                dt { "Processor" } dd { (m.cpu) ", " (m.cores) " cores used" }
                dt { "Memory" } dd { (whole(m.memory_mib)) " MiB" }
                dt { "System" } dd { (m.os) }
            }
            (tables::scroll("Codecs and their versions", html! {
                table {
                    thead { tr { th scope="col" { "codec" } th scope="col" { "version" } th scope="col" { "SHA-256 of its program" } th.n scope="col" { "model, MiB" } } }
                    tbody { @for c in &results.codecs { tr {
                        th scope="row" { (c.name) } td.why { (c.version) }
                        td { @match &c.program_sha256 { Some(h) => { code.hash { (h) } } None => { "unknown" } } }
                        td.n { @match c.model_bytes { Some(b) => { (three(b as f64 / f64::from(1 << 20))) } None => { "none" } } }
                    } } }
                }
            }))
            details {
                summary { "Commands of every codec" }
                @for c in &results.codecs {
                    h4 { (c.name) }
                    (command("encode", &c.encode))
                    (command("decode", &c.decode))
                }
            }
        }
    }
}

fn notes(results: &Results, rows: Option<&str>) -> Markup {
    let mut keys: Vec<&str> = Vec::new();
    for d in &results.datasets {
        for k in std::iter::once(&d.rate).chain(&d.quality) {
            if !keys.contains(&k.as_str()) {
                keys.push(k);
            }
        }
    }
    html! {
        section #notes {
            h2 { "How to read this" }
            dl {
                @for f in keys.iter().map(|k| crate::names::figure(k)).filter(|f| !f.about.is_empty()) {
                    dt { (f.title()) } dd { (f.about) "; " @if f.up { "more is better" } @else { "less is better" } }
                }
                dt { "BD-rate" }
                dd { "mean difference of the logarithm of rate at equal quality, over the range of quality that both curves cover (Bjøntegaard, VCEG-M33), with the curves joined by piecewise cubics (PCHIP; Akima's beside it, as a check). −10 % says: a tenth fewer bytes than the anchor. Where the curves share little of their range the figure says little: the share stands beside it." }
                dt { "Times" }
                dd { "wall time of the whole command, start of the process and files included. A figure marked ~ was taken while other runs went on." }
                dt { "Memory" }
                dd { "largest peak of resident memory over the inputs." }
                dt { "Models" }
                dd { "what decoding needs beside the file is not in the rate; “with model” counts it once for the whole dataset." }
            }
            @if let Some(rows) = rows { p { "Every row is in " code { (rows) } " beside this file, the curves in " code { "curves/" } " in CompressAI's shape." } }
            (command("To make it again", &results.command))
        }
    }
}
