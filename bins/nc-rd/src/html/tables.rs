//! The tables: sizes, BD figures, speed, and every figure of every setting.

use maud::{Markup, html};

use super::Shown;
use super::bd::Pair;
use super::parts::{command, swatch};
use super::view::{Point, Series, Set};
use crate::bench::curves::can_be_infinite;
use crate::bench::results::{Kind, Results};
use crate::names::{Figure, signed, three, whole};

/// A table that scrolls by itself where it is too wide, by keyboard too.
pub fn scroll(label: &str, table: Markup) -> Markup {
    html! { div.scroll tabindex="0" role="region" aria-label=(label) { (table) } }
}

/// A bar to the left for less and to the right for more, of at most `widest`.
pub fn diverging(value: f64, widest: f64) -> Markup {
    let share = (value.abs() / widest).min(1.0) * 50.0;
    let start = if value < 0.0 { 50.0 - share } else { 50.0 };
    let class = if value < 0.0 { "less" } else { "more" };
    html! {
        span.track.middle aria-hidden="true" {
            span.bar.(class) style={ "left:" (format!("{start:.1}")) "%;width:" (format!("{share:.1}")) "%" } {}
        }
    }
}

/// Whether a point of the main metric is over fewer inputs than others.
pub fn partial(set: &Set<'_>) -> bool {
    let points = set.series.iter().flat_map(|s| &s.points);
    points.flat_map(|p| p.metrics.values()).any(|m| !m.full)
}

/// Points of which a metric is infinite for some inputs, and for how many: metric, codec, setting, inputs.
pub fn infinite<'a>(set: &'a Set<'_>) -> Vec<(&'a str, &'a str, &'a str, usize)> {
    let mut out = Vec::new();
    let metrics = set.metrics.iter();
    for metric in metrics.filter(|m| can_be_infinite(&m.key)) {
        for series in &set.series {
            // Where all came back equal the page says so elsewhere.
            let some = series.points.iter().filter(|p| p.exact > 0 && !p.lossless);
            for p in some.filter(|p| p.at(&metric.key).is_none()) {
                out.push((metric.label.as_str(), series.codec, p.setting, p.exact));
            }
        }
    }
    out
}

fn or_none(v: Option<f64>, f: impl Fn(f64) -> String) -> String {
    v.map_or_else(|| "–".into(), f)
}

fn name(s: &Series<'_>) -> Markup {
    html! { (swatch(s.style)) @if s.own { b { (s.codec) } } @else { (s.codec) } }
}

/// Smallest rate of each codec as bars from zero, smallest first.
pub fn sizes(set: &Set<'_>) -> Markup {
    let smallest = |s: &Series<'_>| {
        let whole = s.points.iter().filter(|p| p.good == p.of);
        whole.filter_map(|p| p.rate).reduce(f64::min)
    };
    let mut all: Vec<_> = set.series.iter().map(|s| (s, smallest(s))).collect();
    all.sort_by(|a, b| {
        a.1.unwrap_or(f64::INFINITY)
            .total_cmp(&b.1.unwrap_or(f64::INFINITY))
    });
    let widest = all.iter().filter_map(|a| a.1).fold(0.0, f64::max);
    html! {
        p { (set.rate.label) " in " (set.rate.unit) ", smallest setting of each codec; less is better." }
        ul.bars {
            @for (s, rate) in all {
                li {
                    span.name { (name(s)) }
                    span.track aria-hidden="true" {
                        @if let Some(r) = rate.filter(|_| widest > 0.0) {
                            span class={ "bar c" (s.style % crate::chart::COLOURS.len()) } style={ "width:" (format!("{:.1}", 100.0 * r / widest)) "%" } {}
                        }
                    }
                    span.value { @match rate { Some(r) => { (set.rate.show(r)) } None => { "n/a" } } }
                }
            }
        }
    }
}

/// A table of BD figures for every metric and anchor, one of which is shown.
pub fn bd(i: usize, s: &Shown<'_>) -> Markup {
    let set = &s.set;
    let first = set.anchor();
    let id = format!("bd-{i}");
    html! {
        @if set.series.len() < 2 { p { "There is no second codec to compare with." } } @else {
            p.controls.js { label for=(id) { "Against " }
                select id=(id) data-role="anchor" {
                    @for (a, series) in set.series.iter().enumerate() { option value=(a) selected[a == first] { (series.codec) } }
                }
            }
            noscript { p { "Against " b { (set.series.get(first).map_or("", |s| s.codec)) } "." } }
            (scroll("Bjøntegaard figures", html! {
                table.bd {
                    @for (m, metric) in set.metrics.iter().enumerate() {
                        @for (a, pairs) in s.bd.get(m).into_iter().flatten().enumerate() {
                            (bd_body(set, metric, a, pairs, m == 0 && a == first))
                        }
                    }
                }
            }))
            p.small { "BD-rate: bytes at equal quality, less is better. BD-quality: quality at equal bytes. Overlap: the range of quality that both curves cover, and its share of what either covers." }
        }
    }
}

fn bd_body(set: &Set<'_>, metric: &Figure, anchor: usize, pairs: &[Pair], shown: bool) -> Markup {
    let rate = |p: &Pair| p.pchip.as_ref().map_or(f64::INFINITY, |b| b.value);
    let mut rows: Vec<_> = set.series.iter().zip(pairs).enumerate().collect();
    rows.sort_by(|a, b| rate(a.1.1).total_cmp(&rate(b.1.1)));
    let values = rows
        .iter()
        .map(|r| rate(r.1.1).abs())
        .filter(|v| v.is_finite());
    let widest = values.fold(1.0, f64::max).min(100.0);
    let digits = metric.digits;
    let unit = if metric.unit.is_empty() {
        String::new()
    } else {
        format!(", {}", metric.unit)
    };
    html! {
        tbody data-metric=(metric.key) data-anchor=(anchor) hidden[!shown] {
            tr { th scope="col" { "codec" } th.n scope="col" { "BD-rate, %" } th scope="col" { span.quiet { "less · more" } } th.n scope="col" { "Akima, %" }
                th.n scope="col" { "BD-" (metric.label) (unit) } th scope="col" { "overlap" } }
            @for (j, (series, pair)) in rows {
                tr {
                    th scope="row" { (name(series)) }
                    @if j == anchor { td.quiet colspan="5" { "the anchor" } } @else {
                        @match &pair.pchip {
                            Ok(b) => {
                                td.n { (signed(b.value, 1)) }
                                td { (diverging(b.value, widest)) }
                                td.n { @match &pair.akima { Ok(a) => { (signed(a.value, 1)) } Err(why) => { span title=(why) { "n/a" } } } }
                                td.n { @match &pair.quality { Ok(q) => { (signed(q.value, digits)) } Err(why) => { span title=(why) { "n/a" } } } }
                                td { (metric.show(b.low)) " to " (metric.show(b.high)) " " (overlap(b.overlap)) }
                            }
                            Err(why) => { td.why colspan="5" { "n/a: " (why) } }
                        }
                    }
                }
            }
        }
    }
}

/// A share of overlap; a small one stands out, for a figure over little of the curves says little.
pub fn overlap(share: f64) -> Markup {
    let percent = format!("{:.0} %", 100.0 * share);
    html! { @if share < 0.75 { span.warn { "(only " (percent) ")" } } @else { "(" (percent) ")" } }
}

/// What one unit of input per second is called, for this kind.
fn speed_unit(kind: Kind) -> &'static str {
    match kind {
        Kind::Audio | Kind::Video => "× real time",
        Kind::Image => "Mpixel/s",
        Kind::Records => "Mvalues/s",
    }
}

/// Least and most of the values: one number where they are the same.
fn spread(values: impl Iterator<Item = f64> + Clone) -> String {
    let low = values.clone().fold(f64::INFINITY, f64::min);
    let high = values.fold(f64::NEG_INFINITY, f64::max);
    match (three(low), three(high)) {
        _ if low > high => "–".into(),
        (low, high) if low == high => low,
        (low, high) => format!("{low} to {high}"),
    }
}

/// Time and memory of each codec over its settings.
pub fn speed(set: &Set<'_>) -> Markup {
    let unit = speed_unit(set.dataset.kind);
    let all = |s: &Series<'_>, f: fn(&Point<'_>) -> Option<f64>| {
        let values: Vec<f64> = s.points.iter().filter_map(f).collect();
        spread(values.into_iter())
    };
    let busy = |s: &Series<'_>| s.points.iter().any(|p| !p.alone && p.encode_s.is_some());
    html! {
        (scroll("Time and memory", html! {
            table {
                caption { "Seconds for one input, over the settings of a codec from least to most" }
                thead { tr {
                    th scope="col" { "codec" }
                    th.n scope="col" { "encode, s" } th.n scope="col" { "decode, s" }
                    th.n scope="col" { "encode, " (unit) } th.n scope="col" { "decode, " (unit) }
                    th.n scope="col" { "encode, MiB" } th.n scope="col" { "decode, MiB" }
                } }
                tbody { @for s in &set.series { tr {
                    th scope="row" { (name(s)) }
                    td.n { @if busy(s) { "~" } (all(s, |p| p.encode_s)) } td.n { (all(s, |p| p.decode_s)) }
                    td.n { (all(s, |p| p.encode_speed)) } td.n { (all(s, |p| p.decode_speed)) }
                    td.n { (all(s, |p| p.encode_mib)) } td.n { (all(s, |p| p.decode_mib)) }
                } } }
            }
        }))
        @if set.series.iter().any(busy) { p.small { "~ taken while other runs went on: not to be compared." } }
    }
}

/// Every figure of every setting.
pub fn figures(i: usize, set: &Set<'_>) -> Markup {
    let model = set
        .series
        .iter()
        .flat_map(|s| &s.points)
        .any(|p| p.rate_with_model.is_some());
    html! {
        details { summary { "Every setting of every codec: rate, quality, time" }
            (scroll("Every setting of every codec", html! {
                table {
                    thead { tr {
                        th scope="col" { "codec" } th scope="col" { "setting" } th.n scope="col" { "inputs" }
                        th.n scope="col" { (set.rate.unit) }
                        @if model { th.n scope="col" { "with model" } }
                        th.n scope="col" { "bytes" }
                        @for m in &set.metrics { th.n scope="col" { (m.title()) } }
                        th.n scope="col" { "encode, s" } th.n scope="col" { "decode, s" }
                    } }
                    tbody { @for (j, s) in set.series.iter().enumerate() { @for (k, p) in s.points.iter().enumerate() { tr #{ "r" (i) "-" (j) "-" (k) } {
                        th scope="row" { (name(s)) } td { (p.setting) }
                        td.n { (p.good) @if p.good < p.of { " of " (p.of) } }
                        td.n { (or_none(p.rate, |r| set.rate.show(r))) }
                        @if model { td.n { (or_none(p.rate_with_model, |r| set.rate.show(r))) } }
                        td.n { (or_none(p.bytes, |b| whole(b.round() as u64))) }
                        @for m in &set.metrics { td.n {
                            @match p.metrics.get(m.key.as_str()) {
                                Some(v) => { (m.show(v.value)) @if !v.full { span.quiet { " (" (v.inputs) ")" } } }
                                None => { @if p.lossless { "lossless" } @else { "–" } }
                            }
                        } }
                        td.n { @if !p.alone && p.encode_s.is_some() { "~" } (or_none(p.encode_s, three)) } td.n { (or_none(p.decode_s, three)) }
                    } } } }
                }
            }))
        }
    }
}

/// Commands as they were run, one of each setting.
pub fn commands(i: usize, set: &Set<'_>, results: &Results) -> Markup {
    let used = |codec: &str| results.codecs.iter().find(|c| c.name == codec);
    html! {
        details { summary { "The command behind every point" }
            p.small { "As run on the first input; other inputs differ in their names alone." }
            @for (j, s) in set.series.iter().enumerate() {
                h4 { (name(s)) }
                @if let Some(c) = used(s.codec) { p.small { (c.version) } }
                @for (k, p) in s.points.iter().enumerate() {
                    div #{ "c" (i) "-" (j) "-" (k) } { (command(p.setting, &p.command.join("\n"))) }
                }
            }
        }
    }
}
