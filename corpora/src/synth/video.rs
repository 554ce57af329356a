//! Clips: scenes that a camera pans and zooms through, with a cut, and screens that scroll.

use nc_core::{Chroma, Colour, Result, VideoBuf, VideoFormat};

use super::Rng;
use super::image::{Screen, grain};
use super::scene::Scene;

/// A clip as a camera has it: a scene of dead leaves under pan, slow zoom and changing light, in which
/// things move, turn and hide each other; after two thirds of at least nine frames, another scene. Grain
/// is new in each frame.
///
/// # Errors
/// Limit for a format beyond the limits.
pub fn scene(seed: u64, format: VideoFormat, frames: usize) -> Result<VideoBuf> {
    let cut = if frames < 9 { frames } else { frames * 2 / 3 };
    let mut rng = Rng::new(seed ^ 0x0006_4A15);
    let mut now = Scene::new(seed, format.width, format.height);
    clip(format, frames, |t| {
        if t == cut {
            now = Scene::new(seed ^ 0x00C0_0700, format.width, format.height);
        } else if t > 0 {
            now.step();
        }
        let mut pixels = now.view();
        grain(&mut rng, &mut pixels);
        pixels
    })
}

/// A clip of a screen: text scrolls in the window in front, and a pointer moves.
///
/// # Errors
/// Limit for a format beyond the limits.
pub fn screen(seed: u64, format: VideoFormat, frames: usize) -> Result<VideoBuf> {
    let screen = Screen::new(seed, format.width, format.height);
    clip(format, frames, |t| screen.view(t))
}

fn clip(
    format: VideoFormat,
    frames: usize,
    mut view: impl FnMut(usize) -> Vec<[f32; 3]>,
) -> Result<VideoBuf> {
    format.frame_samples()?;
    let mut samples = Vec::new();
    for t in 0..frames {
        push(&format, &view(t), &mut samples);
    }
    Ok(VideoBuf { format, samples })
}

/// A frame's planes: BT.601, of limited range but where the format says RGB; colour is the mean of the
/// pixels that share it.
fn push(format: &VideoFormat, pixels: &[[f32; 3]], out: &mut Vec<u16>) {
    let step = f64::from(1u32 << (format.bits - 8));
    let max = f64::from(format.max());
    // Offset and span of brightness, span of colour, as a share of all levels at 8 bits.
    let (black, luma, chroma) = if format.colour != Colour::Video {
        (0.0, max, max)
    } else {
        (16.0 * step, 219.0 * step, 224.0 * step)
    };
    let middle = 128.0 * step;
    let whole = |v: f64| (v + 0.5).clamp(0.0, max) as u16;
    let ycbcr = |p: &[f32; 3]| {
        let [r, g, b] = p.map(|v| f64::from(v.clamp(0.0, 1.0)));
        let y = 0.299 * r + 0.587 * g + 0.114 * b;
        [y, (b - y) / 1.772, (r - y) / 1.402]
    };
    let all: Vec<[f64; 3]> = pixels.iter().map(ycbcr).collect();
    out.extend(all.iter().map(|p| whole(black + luma * p[0])));
    let (w, h) = (format.width as usize, format.height as usize);
    let (dx, dy) = match format.chroma {
        Chroma::Gray => return,
        Chroma::C420 => (2, 2),
        Chroma::C422 => (2, 1),
        Chroma::C444 => (1, 1),
    };
    for c in [1, 2] {
        for y in (0..h).step_by(dy) {
            for x in (0..w).step_by(dx) {
                let (mut sum, mut n) = (0.0, 0.0);
                for row in all.chunks_exact(w).take((y + dy).min(h)).skip(y) {
                    for p in row.iter().take((x + dx).min(w)).skip(x) {
                        sum += p[c];
                        n += 1.0;
                    }
                }
                out.push(whole(middle + chroma * sum / n));
            }
        }
    }
}
