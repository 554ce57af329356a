//! The signal pairs on which the metrics are compared with independent implementations.

use nc_corpora::synth;

/// One pair, already rounded to 16 bits.
pub struct Pair {
    pub name: &'static str,
    pub reference: Vec<f32>,
    pub degraded: Vec<f32>,
}

/// Seeded, so that the committed figures stay true.
pub fn all() -> Vec<Pair> {
    let a = synth::speech(11, 4.0);
    let b = synth::speech(12, 5.0);
    let c = synth::speech(13, 6.0);
    let pair = |name, x: &[f32], y: Vec<f32>| Pair {
        name,
        reference: rounded(x),
        degraded: rounded(&y),
    };
    vec![
        pair("noise_30db", &a, synth::add_noise(&a, 30.0, 1)),
        pair("noise_15db", &b, synth::add_noise(&b, 15.0, 2)),
        pair("noise_0db", &c, synth::add_noise(&c, 0.0, 3)),
        pair("dull", &b, synth::low_pass(&b, 1500.0)),
        pair("clipped", &c, synth::clipped(&c, 8.0)),
        pair(
            "dull_noise",
            &a,
            synth::add_noise(&synth::low_pass(&a, 2500.0), 12.0, 4),
        ),
        pair(
            "music",
            &synth::music(4, 5.0),
            synth::add_noise(&synth::music(4, 5.0), 20.0, 5),
        ),
    ]
}

fn rounded(x: &[f32]) -> Vec<f32> {
    x.iter()
        .map(|v| (v * 32_768.0).round().clamp(-32_768.0, 32_767.0) / 32_768.0)
        .collect()
}
