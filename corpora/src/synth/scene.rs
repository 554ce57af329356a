//! Scenes of dead leaves: shapes of all sizes that hide one another, with texture, light and a camera.
//!
//! Natural pictures are what objects leave visible of each other. The dead leaves model (Matheron 1968;
//! Lee, Mumford and Huang, *Occlusion models for natural images*, IJCV 2001) draws just that: shapes
//! whose sizes follow a cubic law, `p(r) ~ r^-3`, thrown over each other, give pictures of about the
//! spectrum, the edges and the heavy-tailed differences of photographs at every scale. Each leaf here
//! also has a depth, by which the camera moves it, a motion and a spin of its own, a slope of light and
//! a texture of [`Tile`].
//!
//! Nothing but IEEE `+ - * /`, square roots and comparisons decides a value, so a seed gives the same
//! samples on every machine.

use super::Rng;

/// Samples along an edge of a texture; a power of two.
const TILE: usize = 256;
/// Amplitude of an octave of the texture against the one before; 1 would be a power of 1/f^2, and
/// surfaces are smoother than that.
const OCTAVE: f64 = 0.8;
/// The smallest leaf's radius in pixels; of smaller ones nothing but grain would be left.
const SMALLEST: f64 = 4.0;
/// Colours of a scene that its leaves are variants of.
const COLOURS: usize = 6;
/// Area of all leaves over that of the ground that they lie on: `e^-3` of it stays visible.
const COVER: f64 = 3.0;

/// A periodic texture of octaves of value noise, mean 0, variance 1.
pub struct Tile(Vec<f32>);

impl Tile {
    pub fn new(rng: &mut Rng) -> Self {
        let mut sum = vec![0.0; TILE * TILE];
        let mut gain = 1.0;
        let mut cells = 4;
        while cells <= TILE {
            let lattice: Vec<f64> = (0..cells * cells).map(|_| rng.bell()).collect();
            let step = TILE / cells;
            for (i, out) in sum.iter_mut().enumerate() {
                let (x, y) = (i % TILE, i / TILE);
                let (cx, cy) = (x / step, y / step);
                let ease = |a: usize| {
                    let t = (a % step) as f64 / step as f64;
                    t * t * (3.0 - 2.0 * t)
                };
                let (tx, ty) = (ease(x), ease(y));
                let at = |dx, dy| lattice[(cy + dy) % cells * cells + (cx + dx) % cells];
                let top = at(0, 0) + tx * (at(1, 0) - at(0, 0));
                let bottom = at(0, 1) + tx * (at(1, 1) - at(0, 1));
                *out += gain * (top + ty * (bottom - top));
            }
            gain *= OCTAVE;
            cells *= 2;
        }
        let n = sum.len() as f64;
        let mean = sum.iter().sum::<f64>() / n;
        let power = sum.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n;
        let scale = 1.0 / power.sqrt();
        Self(sum.iter().map(|v| ((v - mean) * scale) as f32).collect())
    }

    /// Between four samples, for coordinates of any size.
    pub fn at(&self, x: f64, y: f64) -> f64 {
        let (fx, fy) = (x.floor(), y.floor());
        let (tx, ty) = (x - fx, y - fy);
        let (ix, iy) = (fx as i64 as usize % TILE, fy as i64 as usize % TILE);
        let (jx, jy) = ((ix + 1) % TILE, (iy + 1) % TILE);
        let v = |x: usize, y: usize| f64::from(self.0[y * TILE + x]);
        let top = v(ix, iy) + tx * (v(jx, iy) - v(ix, iy));
        let bottom = v(ix, jy) + tx * (v(jx, jy) - v(ix, jy));
        top + ty * (bottom - top)
    }
}

/// A turn as cosine and sine.
type Turn = [f64; 2];

/// A turn from anywhere on the circle, or of at most `most` (the tangent of half the angle).
fn turn(rng: &mut Rng, most: f64) -> Turn {
    let t = rng.range(-most, most);
    let d = 1.0 + t * t;
    [(1.0 - t * t) / d, 2.0 * t / d]
}

fn turned([c, s]: Turn, [x, y]: [f64; 2]) -> [f64; 2] {
    [c * x - s * y, s * x + c * y]
}

struct Leaf {
    centre: [f64; 2],
    /// How much slower than the nearest things it moves with the camera, from 1.
    depth: f64,
    half: [f64; 2],
    ellipse: bool,
    turn: Turn,
    colour: [f64; 3],
    /// Light across it, per half axis.
    slope: [f64; 2],
    /// Strength, samples of texture per pixel in both directions, and where in the texture.
    texture: (f64, [f64; 2], [f64; 2]),
    /// Pixels over which its edge runs.
    edge: f64,
    motion: [f64; 2],
    spin: Turn,
}

/// Leaves, the ground behind them and the camera before them.
pub struct Scene {
    /// Nearest first.
    leaves: Vec<Leaf>,
    tile: Tile,
    size: [f64; 2],
    /// Colour of the ground at the top and at the bottom.
    ground: [[f64; 3]; 2],
    pan: [f64; 2],
    /// Pixels that the camera has moved, and how much larger all has become.
    camera: ([f64; 2], f64),
    zoom: f64,
    /// Brightness now, what a frame adds to it, and frames until that turns.
    light: (f64, f64, u32),
}

impl Scene {
    /// A scene to be seen in `width x height` pixels. What lies outside comes in as the camera moves.
    pub fn new(seed: u64, width: u32, height: u32) -> Self {
        let mut rng = Rng::new(seed ^ 0x005C_E4E0);
        let tile = Tile::new(&mut rng);
        let size = [f64::from(width), f64::from(height)];
        let short = size[0].min(size[1]);
        // Above the horizon is sky, with few leaves in it.
        let horizon = rng.range(-0.2, 0.45) * size[1];
        let warm = rng.range(-0.08, 0.08);
        let palette: Vec<[f64; 3]> = (0..COLOURS).map(|_| colour(&mut rng, warm)).collect();
        let sky = rng.range(0.45, 0.75);
        let ground = [[sky, sky + 0.06, sky + 0.14], palette[0]];
        // Cubic law of radii: 1/r^2 is uniform between the ends.
        let (small, large) = (SMALLEST, (0.35 * short).max(2.0 * SMALLEST));
        let (most, least) = (1.0 / (small * small), 1.0 / (large * large));
        let margin = 0.25 * short;
        let area = (size[0] + 2.0 * margin) * (size[1] + 2.0 * margin);
        let (mut leaves, mut covered) = (Vec::new(), 0.0);
        while covered < COVER * area {
            let r = 1.0 / rng.range(least, most).sqrt();
            let stretch = rng.range(0.6, 1.67);
            let half = [r * stretch, r / stretch];
            covered += 3.2 * r * r;
            let centre = [
                rng.range(-margin, size[0] + margin),
                rng.range(-margin, size[1] + margin),
            ];
            let depth = rng.range(1.0, 3.0);
            let leaf = Leaf {
                centre,
                depth,
                half,
                ellipse: rng.uniform() < 0.6,
                turn: turn(&mut rng, 1.0),
                colour: variant(&mut rng, &palette),
                slope: [rng.range(-0.15, 0.15), rng.range(-0.15, 0.15)],
                texture: (
                    rng.range(0.0, 0.2) * rng.uniform(),
                    [rng.range(0.3, 1.0), rng.range(0.3, 1.0)],
                    [rng.range(0.0, 256.0), rng.range(0.0, 256.0)],
                ),
                edge: rng.range(1.0, 1.4) + 0.5 * (depth - 1.0) * rng.uniform(),
                motion: if rng.uniform() < 0.1 {
                    [rng.range(-2.0, 2.0), rng.range(-1.0, 1.0)]
                } else {
                    [0.0; 2]
                },
                spin: if rng.uniform() < 0.1 {
                    turn(&mut rng, 0.03)
                } else {
                    [1.0, 0.0]
                },
            };
            if centre[1] > horizon || rng.uniform() < 0.02 {
                leaves.push(leaf);
            }
        }
        leaves.sort_by(|a, b| a.depth.total_cmp(&b.depth));
        Self {
            leaves,
            tile,
            size,
            ground,
            pan: [rng.range(-3.0, 3.0), rng.range(-1.0, 1.0)],
            camera: ([0.0; 2], 1.0),
            zoom: rng.range(0.998, 1.004),
            light: (1.0, rng.range(-0.006, 0.006), 12),
        }
    }

    /// One frame later.
    pub fn step(&mut self) {
        let (at, zoom) = &mut self.camera;
        at[0] += self.pan[0];
        at[1] += self.pan[1];
        *zoom *= self.zoom;
        for leaf in &mut self.leaves {
            leaf.centre[0] += leaf.motion[0];
            leaf.centre[1] += leaf.motion[1];
            leaf.turn = turned(leaf.spin, leaf.turn);
        }
        let (light, change, left) = &mut self.light;
        *light += *change;
        *left -= 1;
        if *left == 0 {
            (*change, *left) = (-*change, 24);
        }
    }

    /// What the camera sees: red, green and blue of each pixel, 0 to 1, row by row.
    pub fn view(&self) -> Vec<[f32; 3]> {
        let (w, h) = (self.size[0] as usize, self.size[1] as usize);
        let mut seen = vec![[0.0f32; 3]; w * h];
        // Of each pixel, how much is still to be seen through.
        let mut open = vec![1.0f32; w * h];
        let middle = [self.size[0] / 2.0, self.size[1] / 2.0];
        let (moved, zoom) = self.camera;
        for leaf in &self.leaves {
            let centre: [f64; 2] = std::array::from_fn(|i| {
                let c = leaf.centre[i] - moved[i] / leaf.depth - middle[i];
                middle[i] + c * zoom
            });
            let half = leaf.half.map(|r| r * zoom);
            // The rows and columns that it can touch.
            let reach = (half[0] * half[0] + half[1] * half[1]).sqrt() + leaf.edge;
            let span = |c: f64, n: usize| {
                let low = (c - reach).clamp(0.0, n as f64) as usize;
                low..((c + reach).clamp(0.0, n as f64)) as usize
            };
            let [cos, sin] = leaf.turn;
            let (strength, step, offset) = leaf.texture;
            for y in span(centre[1], h) {
                for x in span(centre[0], w) {
                    let left = open[y * w + x];
                    if left == 0.0 {
                        continue;
                    }
                    let d = [x as f64 + 0.5 - centre[0], y as f64 + 0.5 - centre[1]];
                    let [u, v] = turned([cos, -sin], d);
                    let cover = leaf.cover(u, v, half) as f32;
                    if cover == 0.0 {
                        continue;
                    }
                    let (tx, ty) = (u / zoom * step[0], v / zoom * step[1]);
                    let mut light = 1.0 + leaf.slope[0] * u / half[0] + leaf.slope[1] * v / half[1];
                    if strength > 0.0 {
                        light += 2.0 * strength * self.tile.at(offset[0] + tx, offset[1] + ty);
                    }
                    let light = light * self.light.0;
                    let share = cover * left;
                    for (out, colour) in seen[y * w + x].iter_mut().zip(leaf.colour) {
                        *out += share * (colour * light) as f32;
                    }
                    open[y * w + x] = left - share;
                }
            }
        }
        for (i, (out, left)) in seen.iter_mut().zip(&open).enumerate() {
            if *left > 0.0 {
                let (x, y) = ((i % w) as f64, (i / w) as f64);
                let down = y / self.size[1];
                let cloud = self
                    .tile
                    .at((x + moved[0] / 4.0) * 0.06, (y + moved[1] / 4.0) * 0.12);
                for (c, out) in out.iter_mut().enumerate() {
                    let base = self.ground[0][c] + down * (self.ground[1][c] - self.ground[0][c]);
                    *out += left * ((base + 0.03 * cloud) * self.light.0) as f32;
                }
            }
        }
        seen
    }
}

impl Leaf {
    /// Share of a pixel that it covers, at `(u, v)` from its centre along its axes.
    fn cover(&self, u: f64, v: f64, half: [f64; 2]) -> f64 {
        let outside = if self.ellipse {
            let (a, b) = (u / half[0], v / half[1]);
            let (ga, gb) = (a / half[0], b / half[1]);
            // Distance to the edge, to the first order.
            let slope = 2.0 * (ga * ga + gb * gb).sqrt();
            if slope > 0.0 {
                (a * a + b * b - 1.0) / slope
            } else {
                -half[0].min(half[1])
            }
        } else {
            (u.abs() - half[0]).max(v.abs() - half[1])
        };
        (0.5 - outside / self.edge).clamp(0.0, 1.0)
    }
}

/// A colour as surfaces have them: brightness of a wide spread, saturation of a small one.
fn colour(rng: &mut Rng, warm: f64) -> [f64; 3] {
    let light = rng.range(0.1, 0.9) * rng.range(0.6, 1.0);
    let (red, blue) = (0.14 * light * rng.bell(), 0.14 * light * rng.bell());
    let green = -0.3 * (red + blue);
    [red + warm * light, green, blue - warm * light].map(|c| light + c)
}

/// One of the palette, in more light or less.
fn variant(rng: &mut Rng, palette: &[[f64; 3]]) -> [f64; 3] {
    let at = (rng.uniform() * palette.len() as f64) as usize;
    let light = rng.range(0.55, 1.35);
    let tint = 0.03 * rng.bell();
    let [r, g, b] = palette.get(at).copied().unwrap_or([0.5; 3]);
    [r * light + tint, g * light, b * light - tint].map(|c| c.clamp(0.02, 0.98))
}
