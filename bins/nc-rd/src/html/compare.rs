//! Examples as a gallery; the script makes a slider of it.

use maud::{Markup, html};

use super::Shown;
use super::media::{Example, Shot};
use super::view::Set;
use crate::bench::curves::exact;
use crate::bench::results::Row;
use crate::names::{three, whole};

/// The examples of a dataset.
pub fn examples(s: &Shown<'_>) -> Markup {
    let sound = s.examples.iter().any(|e| e.original.sound.is_some());
    html! {
        @if sound { p.small { "Spectrograms go from 0 to 8 kHz upwards, from black at 75 dB under the loudest point of the original to white. Of the two players under one, the one that starts goes on where the other is." } }
        @for e in &s.examples { (example(&s.set, e)) }
    }
}

fn example(set: &Set<'_>, e: &Example<'_>) -> Markup {
    let sound = e.original.sound.is_some();
    html! {
        section.compare data-kind=(if sound { "sound" } else { "picture" }) aria-label={ "Example " (e.input) } {
            h4 { (e.input) }
            @if let Some(part) = &e.original.part { p.small { "Shown: " (part) "." } }
            @if e.original.there() {
                details.gallery open {
                    summary { "All " (e.decoded.len() + 1) @if sound { " sounds" } @else { " pictures" } " of this example" }
                    ul {
                        (shot("original", "", "original", None, &e.original))
                        @for (row, decoded) in &e.decoded {
                            (shot(&row.codec, &row.setting, &caption(set, row), row.bytes, decoded))
                        }
                    }
                }
            }
            @if e.left_out > 0 { p.warn { (e.left_out) " more are left out to keep this file small; they are in " code { "media/" } " beside it, and --max-mib allows for more." } }
            @if !e.broken.is_empty() { ul.warn { @for b in &e.broken { li { (b) } } } }
        }
    }
}

/// Setting, size, rate and main metrics of one input.
fn caption(set: &Set<'_>, row: &Row) -> String {
    let mut parts = Vec::new();
    if let Some(bytes) = row.bytes {
        parts.push(format!("{} bytes", whole(bytes)));
    }
    if let Some(rate) = row.rates.get(&set.dataset.rate) {
        parts.push(format!("{} {}", three(*rate), set.rate.unit));
    }
    for m in set.metrics.iter().take(2) {
        if let Some(v) = row.metrics.get(&m.key) {
            parts.push(
                format!("{} {} {}", m.label, m.show(*v), m.unit)
                    .trim_end()
                    .to_owned(),
            );
        }
    }
    if exact(row) {
        parts.push("lossless".into());
    }
    parts.join(" · ")
}

fn shot(codec: &str, setting: &str, caption: &str, bytes: Option<u64>, s: &Shot) -> Markup {
    let label = format!("{codec} {setting}");
    html! {
        li { figure data-codec=(codec) data-setting=(setting) data-caption=(caption) data-bytes=[bytes] {
            img loading="lazy" src=(s.picture) width=(s.size.0) height=(s.size.1) alt=(if s.sound.is_some() { format!("Spectrogram of {label}") } else { label.clone() });
            @if let Some(sound) = &s.sound { audio controls preload="none" src=(sound) aria-label=(label) {} }
            figcaption { b { (label) } @if caption != "original" { " · " (caption) } }
        } }
    }
}
