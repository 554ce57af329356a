#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use nc_corpora::synth;

#[test]
fn a_tone_is_a_bright_line_at_its_height() {
    let tone: Vec<f32> = (0..16_000)
        .map(|i| (2.0 * std::f32::consts::PI * 2000.0 * i as f32 / 16_000.0).sin() * 0.5)
        .collect();
    let panels = [&tone, &synth::silence(0.5)].map(|x| Panel::of(x).unwrap());
    let image = picture(&panels, panels[0].loudest());
    assert_eq!(image.dimensions(), (122, 2 * 257 + GAP));
    // Bin 64 of 257 is 2 kHz; brightest colour there, darkest far above.
    assert_eq!(*image.get_pixel(50, 256 - 64), colour(1.0));
    assert_eq!(*image.get_pixel(50, 256 - 200), colour(0.0));
    assert_eq!(*image.get_pixel(30, 257 + GAP + 100), colour(0.0));
}
