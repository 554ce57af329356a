//! Pieces that the page and its tables share.

use maud::{Markup, html};

use crate::chart;

/// A command that can be copied.
pub fn command(label: &str, text: &str) -> Markup {
    html! {
        div.command {
            @if !label.is_empty() { span.label { (label) } }
            pre tabindex="0" { code { (text) } }
        }
    }
}

/// The marker of a style, as in the charts.
pub fn swatch(style: usize) -> Markup {
    html! {
        svg class={ "swatch c" (style % chart::COLOURS.len()) } width="22" height="16" aria-hidden="true" {
            use href={ "#m" (style % chart::MARKERS.len()) } {}
        }
    }
}
