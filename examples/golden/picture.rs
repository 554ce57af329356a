//! Pictures without loss.

use std::path::Path;

use nc_core::{
    Budget, Chroma, Colour, Control, Effort, Encoder, Format, Goal, Signal, VideoFormat,
};

use crate::{Outcome, put};

/// What a picture shows.
#[derive(Clone, Copy)]
enum Shows {
    /// Slopes with some noise.
    Slopes,
    /// Letters of a few colours, again and again.
    Letters,
    Noise,
}

/// Pictures of every layout and mode.
pub fn files(golden: &Path) -> Outcome<()> {
    use Chroma::{C420, C422, C444, Gray};
    use Colour::{Image, Rgb, Video};
    use Shows::{Letters, Noise, Slopes};
    // Name, size, frames, chroma, colour, opacity, bits, what is shown.
    let pictures = [
        ("rgb", (32, 32), 1, C444, Rgb, false, 8, Slopes),
        ("rgba", (31, 17), 1, C444, Rgb, true, 8, Slopes),
        ("letters", (40, 32), 3, C444, Rgb, true, 8, Letters),
        ("grey", (33, 20), 1, Gray, Image, false, 8, Slopes),
        ("grey-16", (24, 24), 1, Gray, Image, false, 16, Slopes),
        ("grey-alpha", (16, 9), 1, Gray, Image, true, 16, Slopes),
        ("rgb-16", (20, 18), 1, C444, Rgb, false, 16, Slopes),
        ("ranks", (24, 25), 1, C444, Rgb, false, 16, Letters),
        ("image", (19, 21), 1, C444, Image, false, 8, Slopes),
        ("420", (25, 23), 3, C420, Video, false, 10, Slopes),
        ("422", (25, 23), 2, C422, Video, false, 8, Slopes),
        ("420-letters", (32, 24), 3, C420, Video, false, 8, Letters),
        ("strips", (260, 130), 1, Gray, Image, false, 8, Letters),
        ("420-strips", (256, 129), 1, C420, Video, false, 8, Letters),
        ("stored", (3, 2), 1, C444, Rgb, false, 8, Noise),
        ("stored-16", (3, 2), 1, Gray, Image, false, 12, Noise),
        ("one-pixel", (1, 1), 2, C444, Rgb, true, 8, Slopes),
        ("one-row", (50, 1), 1, C422, Video, false, 8, Slopes),
        ("one-column", (1, 40), 1, C444, Rgb, false, 8, Slopes),
        ("fast", (32, 32), 1, C444, Rgb, false, 8, Slopes),
    ];
    let registry = nc::registry();
    let codec = registry.open_for_encoding(registry.by_name("picture")?, None)?;
    for (name, (width, height), frames, chroma, colour, alpha, bits, shows) in pictures {
        let format = VideoFormat {
            width,
            height,
            rate: if frames > 1 { [25, 1] } else { [0, 0] },
            chroma,
            bits,
            colour,
            alpha,
        };
        let samples = samples(&format, frames, shows)?;
        let mut ctl = Control {
            budget: Budget::default(),
            effort: match name {
                "fast" => Effort::Fast,
                _ => Effort::Medium,
            },
            ..Control::default()
        };
        let form = Format::Video(format);
        let mut e = Encoder::new(Vec::new(), &codec, form, Some(frames as u64), Goal::Exact)?;
        let video = nc_core::Video {
            format,
            samples: &samples,
        };
        e.push(Signal::Video(video), &mut ctl)?;
        put(
            golden,
            &format!("picture-{name}.nc"),
            &e.finish(&mut ctl)?.0,
        )?;
    }
    Ok(())
}

fn samples(format: &VideoFormat, frames: usize, shows: Shows) -> Outcome<Vec<u16>> {
    let mut state = 7u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 16
    };
    let max = u32::from(format.max());
    let mut out = Vec::new();
    for t in 0..frames as u32 {
        for p in 0..format.planes() {
            let (w, h) = format.plane(p);
            for y in 0..h as u32 {
                for x in 0..w as u32 {
                    let p = p as u32;
                    let value = match shows {
                        Shows::Slopes => {
                            (x * 5 + y * 3 + p * 40 + t * 7) * (max / 255)
                                + noise() % (1 + max / 60)
                        }
                        Shows::Letters => match (x % 8 * 3 + y % 8 * 5 + t) % 7 {
                            0 | 3 => max / (p + 1),
                            _ => max / 9 * (x / 32 + p),
                        },
                        Shows::Noise => noise(),
                    };
                    out.push((value % (max + 1)) as u16);
                }
            }
        }
    }
    assert_eq!(out.len(), format.frame_samples()? * frames);
    Ok(out)
}
