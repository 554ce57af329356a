//! Line plots as PNG and SVG, and the colours and markers that every chart of nc-rd uses.
//!
//! Colours keep a contrast of 3:1 with the page and stay apart in the common kinds of colour blindness;
//! each also has its own marker, so that nothing is told by colour alone. Quoted series are dashed and
//! hollow. PNG is drawn at twice the size and halved, which smooths lines and letters alike.

use std::sync::OnceLock;

use anyhow::{Result, anyhow, ensure};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{RgbImage, imageops};
use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;
use plotters::style::register_font;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Colours of series on white; a chart with more series starts anew with other markers.
pub const COLOURS: [[u8; 3]; 8] = [
    [0, 114, 178],
    [204, 85, 0],
    [0, 129, 94],
    [170, 68, 136],
    [158, 112, 0],
    [85, 85, 85],
    [31, 148, 205],
    [136, 34, 85],
];

/// Markers of series as polygons, in units of their radius, y downwards; ten points make a circle's
/// place in a legend.
pub const MARKERS: [&[(f64, f64)]; 7] = [
    &[
        (1.0, 0.0),
        (0.809, 0.588),
        (0.309, 0.951),
        (-0.309, 0.951),
        (-0.809, 0.588),
        (-1.0, 0.0),
        (-0.809, -0.588),
        (-0.309, -0.951),
        (0.309, -0.951),
        (0.809, -0.588),
    ],
    &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
    &[(0.0, -1.2), (1.1, 0.8), (-1.1, 0.8)],
    &[(0.0, -1.3), (1.2, 0.0), (0.0, 1.3), (-1.2, 0.0)],
    &[(0.0, 1.2), (1.1, -0.8), (-1.1, -0.8)],
    &[
        (-0.45, -1.25),
        (0.45, -1.25),
        (0.45, -0.45),
        (1.25, -0.45),
        (1.25, 0.45),
        (0.45, 0.45),
        (0.45, 1.25),
        (-0.45, 1.25),
        (-0.45, 0.45),
        (-1.25, 0.45),
        (-1.25, -0.45),
        (-0.45, -0.45),
    ],
    &[(-1.2, 0.0), (0.8, -1.1), (0.8, 1.1)],
];

const FONT: &str = "sans-serif";
/// Size of a plot.
const SIZE: (u32, u32) = (960, 620);
/// Size of each where several stand beside each other.
const SMALL: (u32, u32) = (640, 480);
/// A PNG is drawn so many times as large, in each direction.
const SCALE: u32 = 2;
/// Height of a line of text under a plot.
const FOOT: u32 = 20;
/// Radius of a marker.
const RADIUS: f64 = 4.5;

/// A line of a plot.
#[derive(Debug, Clone, Default)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// x and y, in any order.
    pub points: Vec<(f64, f64)>,
    /// What stands at each point; may be shorter.
    pub labels: Vec<String>,
    /// Not measured here: dashed and hollow.
    pub quoted: bool,
    /// Colour and marker, where not by its place.
    pub style: Option<usize>,
}

/// A plot without its lines.
#[derive(Debug, Clone, Default)]
pub struct Frame {
    /// Over it.
    pub title: String,
    /// Title and unit of the x axis.
    pub x: String,
    /// Of the y axis; may be empty where the title says it.
    pub y: String,
    /// Whether x is logarithmic; otherwise it starts at zero.
    pub log: bool,
    /// Where a vertical line stands, and what is written at it.
    pub mark: Option<(f64, String)>,
    /// Lines under it.
    pub foot: Vec<String>,
}

/// Colour of the series with this style.
pub fn colour(style: usize) -> RGBColor {
    let [r, g, b] = COLOURS
        .get(style % COLOURS.len())
        .copied()
        .unwrap_or([0; 3]);
    RGBColor(r, g, b)
}

/// Marker of the series with this style.
pub fn marker(style: usize) -> &'static [(f64, f64)] {
    MARKERS.get(style % MARKERS.len()).copied().unwrap_or(&[])
}

/// A plot and its lines.
pub type Panel = (Frame, Vec<Series>);

/// Draws plots beside each other as PNG: one of 960 by 620, or several of 640 by 480.
///
/// # Errors
/// No point, drawing.
pub fn plot_png(panels: &[Panel]) -> Result<Vec<u8>> {
    let plots = plots(panels, SCALE)?;
    png(&drawn(size(panels), |area| draw_all(&plots, area))?)
}

/// Draws plots beside each other as SVG.
///
/// # Errors
/// No point, drawing.
pub fn plot_svg(panels: &[Panel]) -> Result<String> {
    font()?;
    let plots = plots(panels, 1)?;
    let mut text = String::new();
    let area = SVGBackend::with_string(&mut text, size(panels)).into_drawing_area();
    area.fill(&WHITE).map_err(|e| anyhow!("drawing: {e}"))?;
    draw_all(&plots, &area).map_err(|e| anyhow!("drawing: {e}"))?;
    area.present().map_err(|e| anyhow!("drawing: {e}"))?;
    drop(area);
    Ok(text)
}

fn plots(panels: &[Panel], scale: u32) -> Result<Vec<Plot<'_>>> {
    let panels = panels.iter();
    panels
        .map(|(frame, lines)| Plot::new(frame, lines, scale))
        .collect()
}

fn size(panels: &[Panel]) -> (u32, u32) {
    match panels.len() as u32 {
        n @ 2.. => (n * SMALL.0, SMALL.1),
        _ => SIZE,
    }
}

fn draw_all<B: DrawingBackend>(plots: &[Plot<'_>], area: &DrawingArea<B, Shift>) -> Drawn
where
    B::ErrorType: 'static,
{
    let areas = area.split_evenly((1, plots.len().max(1)));
    plots
        .iter()
        .zip(&areas)
        .try_for_each(|(plot, area)| plot.draw(area))
}

/// Makes the font known, once.
fn font() -> Result<()> {
    static GOOD: OnceLock<bool> = OnceLock::new();
    let good = *GOOD
        .get_or_init(|| register_font(FONT, FontStyle::Normal, dejavu::sans::regular()).is_ok());
    ensure!(good, "the font for plots is damaged");
    Ok(())
}

type Drawn = Result<(), Box<dyn std::error::Error>>;

/// Draws into a picture of so many times its size, and halves it.
fn drawn(
    (w, h): (u32, u32),
    draw: impl FnOnce(&DrawingArea<BitMapBackend<'_>, Shift>) -> Drawn,
) -> Result<RgbImage> {
    font()?;
    let large = (w * SCALE, h * SCALE);
    let mut picture = RgbImage::from_pixel(large.0, large.1, image::Rgb([255; 3]));
    let area = BitMapBackend::with_buffer(&mut picture, large).into_drawing_area();
    // Its errors hold what cannot leave this thread.
    draw(&area).map_err(|e| anyhow!("drawing: {e}"))?;
    area.present().map_err(|e| anyhow!("drawing: {e}"))?;
    drop(area);
    Ok(imageops::thumbnail(&picture, w, h))
}

/// A range around values, a little wider.
fn around(values: impl Iterator<Item = f64> + Clone) -> std::ops::Range<f64> {
    let low = values.clone().fold(f64::INFINITY, f64::min);
    let high = values.fold(f64::NEG_INFINITY, f64::max);
    let more = ((high - low) * 0.06).max(high.abs() * 1e-3).max(1e-6);
    low - more..high + more
}

/// A frame and its lines, for a backend whose pixels are `scale` times smaller.
struct Plot<'a> {
    frame: &'a Frame,
    lines: Vec<Series>,
    x: std::ops::Range<f64>,
    y: std::ops::Range<f64>,
    scale: u32,
}

impl<'a> Plot<'a> {
    fn new(frame: &'a Frame, lines: &[Series], scale: u32) -> Result<Self> {
        let mut lines = lines.to_vec();
        for line in &mut lines {
            let mut all: Vec<((f64, f64), String)> = Vec::new();
            for (i, p) in line.points.iter().enumerate() {
                if p.0.is_finite() && p.1.is_finite() && (p.0 > 0.0 || !frame.log) {
                    all.push((*p, line.labels.get(i).cloned().unwrap_or_default()));
                }
            }
            all.sort_by(|a, b| a.0.0.total_cmp(&b.0.0));
            (line.points, line.labels) = all.into_iter().unzip();
        }
        let points = lines.iter().flat_map(|l| l.points.iter());
        ensure!(points.clone().next().is_some(), "no point to draw");
        let x = points.clone().map(|p| p.0);
        // Labels stand to the right of their points.
        let labels = lines.iter().flat_map(|l| &l.labels);
        let wider = match labels.into_iter().any(|l| !l.is_empty()) {
            true => 0.08,
            false => 0.0,
        };
        let x = if frame.log {
            let logs = around(x.map(f64::ln));
            let end = logs.end + wider * (logs.end - logs.start);
            logs.start.exp()..end.exp()
        } else {
            0.0..around(x).end * (1.0 + wider)
        };
        let y = around(points.map(|p| p.1));
        Ok(Self {
            frame,
            lines,
            x,
            y,
            scale,
        })
    }

    fn px(&self, n: u32) -> i32 {
        (n * self.scale) as i32
    }

    fn text(&self, n: u32) -> FontDesc<'static> {
        (FONT, n * self.scale).into_font()
    }

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Drawn
    where
        B::ErrorType: 'static,
    {
        let foot = self.frame.foot.len() as u32 * FOOT + 4;
        let (top, bottom) = area.split_vertically(area.dim_in_pixel().1 - foot * self.scale);
        for (i, line) in (0..).zip(&self.frame.foot) {
            bottom.draw(&Text::new(
                line.as_str(),
                (self.px(12), self.px(i * FOOT + 2)),
                self.text(13).color(&BLACK),
            ))?;
        }
        if self.frame.log {
            self.lines(&top, self.x.clone().log_scale())
        } else {
            self.lines(&top, self.x.clone())
        }
    }

    fn lines<B: DrawingBackend, X>(&self, area: &DrawingArea<B, Shift>, x: X) -> Drawn
    where
        B::ErrorType: 'static,
        X: AsRangedCoord<Value = f64>,
        X::CoordDescType: ValueFormatter<f64>,
    {
        let px = |n| self.px(n);
        let mut chart = ChartBuilder::on(area)
            .caption(&self.frame.title, self.text(18))
            .margin(px(10))
            .x_label_area_size(px(44))
            .y_label_area_size(px(if self.frame.y.is_empty() { 48 } else { 66 }))
            .build_cartesian_2d(x, self.y.clone())?;
        chart
            .configure_mesh()
            .x_desc(&self.frame.x)
            .y_desc(&self.frame.y)
            .x_label_formatter(&|v| short(*v))
            .y_label_formatter(&|v| short(*v))
            .label_style(self.text(13))
            .axis_desc_style(self.text(14))
            .bold_line_style(BLACK.mix(0.14))
            .light_line_style(TRANSPARENT)
            .draw()?;
        let mark = self.frame.mark.as_ref();
        if let Some((at, what)) = mark.filter(|(at, _)| self.x.contains(at)) {
            let style = BLACK.mix(0.5).stroke_width(self.scale);
            chart.draw_series(DashedLineSeries::new(
                [(*at, self.y.start), (*at, self.y.end)],
                px(2),
                px(4),
                style,
            ))?;
            let place = (*at, self.y.start + (self.y.end - self.y.start) * 0.97);
            let right = *at > self.x.end * 0.7;
            let side = if right { -px(6) } else { px(6) };
            let anchor = if right { HPos::Right } else { HPos::Left };
            chart.draw_series([EmptyElement::at(place)
                + Text::new(
                    what.clone(),
                    (side, 0),
                    self.text(12)
                        .color(&BLACK.mix(0.7))
                        .pos(Pos::new(anchor, VPos::Center)),
                )])?;
        }
        for (i, line) in self.lines.iter().enumerate() {
            let shape = line.style.unwrap_or(i);
            let colour = colour(shape);
            let style = colour.stroke_width(2 * self.scale);
            let points = line.points.iter().copied();
            let (quoted, scale) = (line.quoted, self.scale);
            let drawn = if quoted {
                chart.draw_series(DashedLineSeries::new(points, px(7), px(5), style))?
            } else {
                chart.draw_series(LineSeries::new(points, style))?
            };
            let (wide, gap) = (px(22), px(4));
            drawn.label(&line.name).legend(move |(x, y)| {
                let middle = x + wide / 2;
                let end = if quoted { middle - gap } else { x + wide };
                EmptyElement::at((0, 0))
                    + PathElement::new([(x, y), (end, y)], style)
                    + PathElement::new([(middle + gap, y), (x + wide, y)], style)
                    + inside((middle, y), shape, quoted, scale)
                    + edge((middle, y), shape, scale)
            });
            for (i, p) in line.points.iter().enumerate() {
                chart.draw_series([EmptyElement::at(*p)
                    + inside((0, 0), shape, quoted, self.scale)
                    + edge((0, 0), shape, self.scale)
                    + Text::new(
                        line.labels.get(i).cloned().unwrap_or_default(),
                        (px(8), px(6)),
                        self.text(12).color(&colour),
                    )])?;
            }
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .legend_area_size(px(30))
            .margin(px(10))
            .label_font(self.text(13))
            .background_style(WHITE.mix(0.9))
            .border_style(BLACK.mix(0.3))
            .draw()?;
        Ok(())
    }
}

/// A number as an axis has it.
fn short(v: f64) -> String {
    format!("{}", (v * 1000.0).round() / 1000.0)
}

/// The corners of a marker in pixels.
fn corners((left, top): (i32, i32), style: usize, scale: u32) -> Vec<(i32, i32)> {
    let r = RADIUS * f64::from(scale);
    let pixel = |(x, y): &(f64, f64)| (left + (x * r).round() as i32, top + (y * r).round() as i32);
    marker(style).iter().map(pixel).collect()
}

/// The inside of a marker: white where it is quoted.
fn inside(at: (i32, i32), style: usize, hollow: bool, scale: u32) -> Polygon<(i32, i32)> {
    let fill = if hollow { WHITE } else { colour(style) };
    Polygon::new(corners(at, style, scale), fill.filled())
}

/// Its edge.
fn edge(at: (i32, i32), style: usize, scale: u32) -> PathElement<(i32, i32)> {
    let mut points = corners(at, style, scale);
    points.extend(points.first().copied());
    PathElement::new(points, colour(style).stroke_width(scale * 3 / 2))
}

/// Writes lines of text `line` pixels high into a picture, each at its left upper corner.
///
/// # Errors
/// Drawing.
pub fn write_texts(picture: &mut RgbImage, texts: &[(&str, (u32, u32))], line: u32) -> Result<()> {
    for (text, (x, y)) in texts {
        let width = picture.width().saturating_sub(*x).max(1);
        let strip = drawn((width, line), |area| {
            let font = (FONT, line * 6 / 10 * SCALE).into_font();
            let at = ((4 * SCALE) as i32, (line / 6 * SCALE) as i32);
            area.draw(&Text::new(*text, at, font.color(&BLACK)))?;
            Ok(())
        })?;
        imageops::replace(picture, &strip, i64::from(*x), i64::from(*y));
    }
    Ok(())
}

/// A picture as PNG.
///
/// # Errors
/// None that input reaches.
pub fn png(picture: &RgbImage) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let png =
        PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Adaptive);
    picture.write_with_encoder(png)?;
    Ok(bytes)
}
