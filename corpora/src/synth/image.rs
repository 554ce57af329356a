//! Pictures: scenes as a camera has them, and screens.

use super::Rng;
use super::scene::Scene;

/// Standard deviation of a camera's grain, in levels of 255.
const GRAIN: f64 = 1.2;

/// A picture as a camera has it: a scene of dead leaves with texture, light, a little sky and grain.
/// Red, green, blue of each pixel, 8 bits, row by row.
///
/// The module's tests hold it to the neighbour correlation, the slope of the spectrum and the kurtosis of
/// differences that photographs have.
pub fn photo(seed: u64, width: u32, height: u32) -> Vec<u8> {
    let mut pixels = Scene::new(seed, width, height).view();
    grain(&mut Rng::new(seed ^ 0x0006_4A14), &mut pixels);
    to_bytes(&pixels)
}

/// A picture of a screen: windows of flat colours with thin frames, text of one font, icons.
/// Red, green, blue of each pixel, 8 bits, row by row.
pub fn screen(seed: u64, width: u32, height: u32) -> Vec<u8> {
    to_bytes(&Screen::new(seed, width, height).view(0))
}

/// Adds grain: most of it the same in all colours, more where it is dark than where it is bright.
pub(super) fn grain(rng: &mut Rng, pixels: &mut [[f32; 3]]) {
    for p in pixels {
        let light = f64::from(p[0] + p[1] + p[2]) / 3.0;
        let sigma = GRAIN / 255.0 * (1.2 - 0.6 * light);
        let all = rng.bell();
        for c in p {
            *c += (sigma * (0.85 * all + 0.5 * rng.bell())) as f32;
        }
    }
}

/// Levels of 255, rounded and clipped.
fn to_bytes(pixels: &[[f32; 3]]) -> Vec<u8> {
    let level = |v: &f32| (v * 255.0 + 0.5).clamp(0.0, 255.0) as u8;
    pixels.iter().flatten().map(level).collect()
}

/// Columns and rows of a letter with the space around it.
const LETTER: (usize, usize) = (7, 12);
/// Letters of the font; the first is the space.
const FONT: usize = 40;

struct Window {
    x: [usize; 2],
    y: [usize; 2],
    paper: [f32; 3],
    ink: [f32; 3],
    /// Where its text begins.
    text: usize,
    /// Rows that the text moves up in a frame.
    scroll: usize,
}

/// Windows on a desktop, the last in front.
pub(super) struct Screen {
    size: (usize, usize),
    desk: [[f32; 3]; 2],
    windows: Vec<Window>,
    /// Seven rows of five bits for each letter.
    font: Vec<[u8; 7]>,
    seed: u64,
}

impl Screen {
    pub fn new(seed: u64, width: u32, height: u32) -> Self {
        let mut rng = Rng::new(seed ^ 0x0005_C4EE);
        let (w, h) = (width as usize, height as usize);
        let flat = |rng: &mut Rng, low: f64, high: f64| {
            let v = rng.range(low, high);
            [0; 3].map(|_| ((v + rng.range(-0.04, 0.04)) as f32).clamp(0.0, 1.0))
        };
        let mut font: Vec<[u8; 7]> = (0..FONT)
            .map(|_| [0; 7].map(|_| (rng.bits() & rng.bits() & 31) as u8 | (rng.bits() & 17) as u8))
            .collect();
        font[0] = [0; 7];
        let desk = [flat(&mut rng, 0.1, 0.5), flat(&mut rng, 0.2, 0.6)];
        let count = 2 + (rng.uniform() * 3.0) as usize;
        let windows = (0..count)
            .map(|i| {
                let mut side = |n: usize| {
                    let low = rng.range(0.0, 0.45);
                    let high = low + rng.range(0.35, 0.55);
                    [low, high].map(|v| (v * n as f64) as usize)
                };
                let (x, y) = (side(w), side(h));
                let dark = rng.uniform() < 0.3;
                let (paper, ink) = if dark {
                    ((0.08, 0.2), (0.7, 0.9))
                } else {
                    ((0.9, 1.0), (0.0, 0.2))
                };
                Window {
                    x,
                    y,
                    paper: flat(&mut rng, paper.0, paper.1),
                    ink: flat(&mut rng, ink.0, ink.1),
                    text: (rng.bits() % 997) as usize,
                    scroll: if i + 1 == count { 2 } else { 0 },
                }
            })
            .collect();
        Self {
            size: (w, h),
            desk,
            windows,
            font,
            seed,
        }
    }

    /// What it shows at frame `t`: the text in front has moved up, and a pointer across.
    pub fn view(&self, t: usize) -> Vec<[f32; 3]> {
        let (w, h) = self.size;
        let mut out = Vec::with_capacity(w * h);
        for y in 0..h {
            for x in 0..w {
                let window = self.windows.iter().rev().find(|a| a.has(x, y));
                let down = y as f32 / h as f32;
                out.push(match window {
                    Some(a) => a.pixel(self, x - a.x[0], y - a.y[0], t),
                    None => std::array::from_fn(|c| {
                        self.desk[0][c] + down * (self.desk[1][c] - self.desk[0][c])
                    }),
                });
            }
        }
        let (px, py) = ((7 * t + w / 3) % w.max(1), (3 * t + h / 2) % h.max(1));
        for y in py..(py + 10).min(h) {
            for x in px..(px + 1 + (y - py)).min(w) {
                out[y * w + x] = [1.0; 3];
            }
        }
        out
    }

    /// Whether there is ink at a column and row of endless text.
    fn ink(&self, x: usize, y: usize) -> bool {
        let (line, column) = (y / LETTER.1, x / LETTER.0);
        let (dx, dy) = (x % LETTER.0, y % LETTER.1);
        // Words and lines end somewhere; every letter has one form.
        let mut here = Rng::new(self.seed ^ ((line as u64) << 20));
        let length = 20 + (here.bits() % 60) as usize;
        let mut here = Rng::new(self.seed ^ ((line as u64) << 20) ^ (column as u64 + 1));
        let letter = if here.uniform() < 0.18 {
            0
        } else {
            (here.bits() % FONT as u64) as usize
        };
        column < length && dx < 5 && dy < 7 && (self.font[letter][dy] >> dx) & 1 == 1
    }
}

impl Window {
    fn has(&self, x: usize, y: usize) -> bool {
        (self.x[0]..self.x[1]).contains(&x) && (self.y[0]..self.y[1]).contains(&y)
    }

    /// Colour at a column and row of the window: a frame, a bar with a title and a button, text.
    fn pixel(&self, screen: &Screen, x: usize, y: usize, t: usize) -> [f32; 3] {
        let (w, h) = (self.x[1] - self.x[0], self.y[1] - self.y[0]);
        if x == 0 || y == 0 || x + 1 == w || y + 1 == h {
            return [0.4; 3];
        }
        if y < 18 {
            let button = w - x < 16 && w - x > 6 && (4..14).contains(&y);
            let title = y >= 5 && x >= 8 && x < w / 2 && screen.ink(x - 8, y - 5 + 12 * self.text);
            return match (button, title) {
                (true, _) => [0.85, 0.3, 0.25],
                (_, true) => self.ink,
                _ => self.paper.map(|v| 0.8 * v + 0.05),
            };
        }
        let row = y - 18 + LETTER.1 * self.text + self.scroll * t;
        if x >= 8 && x + 8 < w && screen.ink(x - 8, row) {
            self.ink
        } else {
            self.paper
        }
    }
}
