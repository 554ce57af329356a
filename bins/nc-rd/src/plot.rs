//! Quality against rate as one SVG: PESQ-WB and STOI side by side, a line a codec.
//!
//! SVG is written by hand: two panels of lines need no drawing library, and the file then shows
//! as well in a README as in print. Reference points of other people's codecs are dashed and
//! hollow and say that they were measured on other clips.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::report::Curve;

const COLOURS: [&str; 6] = [
    "#0b6e99", "#c4421a", "#3f7d20", "#7a3b9e", "#946c00", "#555555",
];
const PANEL: (f64, f64) = (400.0, 300.0);
const TOP: f64 = 30.0;
const LEFT: [f64; 2] = [60.0, 540.0];

/// One line of the plot: (kbit/s, PESQ-WB, STOI).
struct Line {
    name: String,
    points: Vec<(f64, Option<f64>, Option<f64>)>,
    measured_elsewhere: bool,
}

/// Points measured with the same metrics on another set: 61 clips, 280 s, at least five
/// languages, speakers in none of our sets; rates without container.
fn elsewhere() -> [Line; 2] {
    let line = |name: &str, points: &[(f64, f64, f64)]| Line {
        name: format!("{name}, on 61 other clips"),
        points: points.iter().map(|p| (p.0, Some(p.1), Some(p.2))).collect(),
        measured_elsewhere: true,
    };
    [
        line(
            "Lyra v2",
            &[(3.2, 2.32, 0.878), (6.0, 2.84, 0.912), (9.2, 3.09, 0.926)],
        ),
        line(
            "Opus 1.3.1",
            &[
                (5.60, 2.17, 0.883),
                (7.29, 2.95, 0.938),
                (11.44, 3.79, 0.962),
            ],
        ),
    ]
}

/// Draws the curves of results written by `nc-rd speech --json`.
///
/// # Errors
/// Unreadable results, none with a rate, an output that cannot be written.
pub fn draw(results: &[impl AsRef<Path>], output: &Path, references: bool) -> Result<()> {
    /// Only what is drawn.
    #[derive(Deserialize)]
    struct Report {
        curves: Vec<Curve>,
    }
    let mut lines = Vec::new();
    for path in results {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let report: Report =
            serde_json::from_str(&text).with_context(|| path.display().to_string())?;
        lines.extend(
            report
                .curves
                .iter()
                .map(line)
                .filter(|l| !l.points.is_empty()),
        );
    }
    ensure!(!lines.is_empty(), "no curve with a rate in the results");
    if references {
        lines.extend(elsewhere());
    }
    std::fs::write(output, svg(&lines)).with_context(|| output.display().to_string())
}

fn line(curve: &Curve) -> Line {
    let at = |name: &str, i: usize| curve.results.get(name).and_then(|v| *v.get(i)?);
    let n = curve.results.get("kbps").map_or(0, Vec::len);
    let mut points: Vec<_> = (0..n)
        .filter_map(|i| Some((at("kbps", i)?, at("pesq_wb", i), at("stoi", i))))
        .collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    Line {
        name: curve.name.clone(),
        points,
        measured_elsewhere: false,
    }
}

fn svg(lines: &[Line]) -> String {
    let all = || lines.iter().flat_map(|l| &l.points);
    let top_rate = all().map(|p| p.0).fold(1.0, f64::max).ceil();
    let height = TOP + PANEL.1 + 60.0 + 18.0 * lines.len().div_ceil(2) as f64;
    let mut s = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 980 {height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"980\" height=\"{height}\" fill=\"white\"/>\n"
    );
    let stoi_low = all().filter_map(|p| p.2).fold(0.85, f64::min);
    panel(
        &mut s,
        lines,
        LEFT[0],
        top_rate,
        ("PESQ-WB", 1.0, 4.5, 0.5, 1),
        |p| p.1,
    );
    let low = (stoi_low * 20.0).floor() / 20.0;
    panel(
        &mut s,
        lines,
        LEFT[1],
        top_rate,
        ("STOI", low, 1.0, 0.05, 2),
        |p| p.2,
    );
    for (i, l) in lines.iter().enumerate() {
        let x = LEFT[0] + 480.0 * (i % 2) as f64;
        let y = TOP + PANEL.1 + 58.0 + 18.0 * (i / 2) as f64;
        let (colour, dash) = style(i, l);
        let _ = writeln!(
            s,
            "<line x1=\"{x}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" stroke=\"{colour}\" \
             stroke-width=\"2\"{dash}/><text x=\"{}\" y=\"{y}\">{}</text>",
            y - 4.0,
            x + 30.0,
            y - 4.0,
            x + 38.0,
            escaped(&l.name)
        );
    }
    s.push_str("</svg>\n");
    s
}

type Axis<'a> = (&'a str, f64, f64, f64, usize);
type Point = (f64, Option<f64>, Option<f64>);

fn panel(
    s: &mut String,
    lines: &[Line],
    left: f64,
    top_rate: f64,
    (title, low, high, step, digits): Axis<'_>,
    value: fn(&Point) -> Option<f64>,
) {
    let (w, h) = PANEL;
    let bottom = TOP + h;
    let px = |kbps: f64| left + w * kbps / top_rate;
    let py = |v: f64| bottom - h * ((v - low) / (high - low)).clamp(0.0, 1.0);
    let _ = writeln!(
        s,
        "<text x=\"{left}\" y=\"{}\" font-weight=\"bold\">{title}</text>",
        TOP - 10.0
    );
    for i in 0..=((high - low) / step).round() as usize {
        let v = low + step * i as f64;
        let _ = writeln!(
            s,
            "<line x1=\"{left}\" y1=\"{y:.1}\" x2=\"{}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{v:.digits$}</text>",
            left + w,
            left - 6.0,
            py(v) + 4.0,
            y = py(v),
        );
    }
    let every = (top_rate / 12.0).ceil().max(1.0);
    for i in 0..=(top_rate / every) as usize {
        let r = every * i as f64;
        let _ = writeln!(
            s,
            "<line x1=\"{x:.1}\" y1=\"{bottom}\" x2=\"{x:.1}\" y2=\"{}\" stroke=\"#888\"/>\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{r}</text>",
            bottom + 4.0,
            bottom + 18.0,
            x = px(r),
        );
    }
    let _ = writeln!(
        s,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">kbit/s, bytes on disk</text>",
        left + w / 2.0,
        bottom + 34.0
    );
    for (i, l) in lines.iter().enumerate() {
        let (colour, dash) = style(i, l);
        let at: Vec<(f64, f64)> = l
            .points
            .iter()
            .filter_map(|p| Some((px(p.0), py(value(p)?))))
            .collect();
        let path: Vec<String> = at.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(
            s,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/>",
            path.join(" ")
        );
        let fill = if l.measured_elsewhere {
            "white"
        } else {
            colour
        };
        for (x, y) in at {
            let _ = writeln!(
                s,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{fill}\" stroke=\"{colour}\"/>"
            );
        }
    }
}

fn style(i: usize, l: &Line) -> (&'static str, &'static str) {
    let colour = COLOURS[i % COLOURS.len()];
    (
        colour,
        if l.measured_elsewhere {
            " stroke-dasharray=\"6 4\""
        } else {
            ""
        },
    )
}

fn escaped(s: &str) -> String {
    s.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn points_stand_where_they_should() {
        let curve: Curve = serde_json::from_str(
            r#"{"name": "a<b", "description": "", "results":
               {"kbps": [6, 3, null], "pesq_wb": [4.5, 1.0, 2], "stoi": [1.0, null, 0.9]}}"#,
        )
        .unwrap();
        let l = line(&curve);
        assert_eq!(
            l.points,
            [(3.0, Some(1.0), None), (6.0, Some(4.5), Some(1.0))]
        );
        let s = svg(&[l]);
        assert!(s.contains("a&lt;b"));
        // 3 of 6 kbit/s is the middle, PESQ 1.0 the bottom; 6 and 4.5 the top right corner.
        assert!(s.contains("points=\"260.0,330.0 460.0,30.0\""), "{s}");
        assert!(s.contains("points=\"940.0,30.0\""), "{s}");
        assert!(!s.contains("NaN") && !s.contains("inf"));
    }
}
