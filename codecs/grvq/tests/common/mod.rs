//! The default model at a chosen SIMD level.
#![allow(
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    dead_code
)]

use nc_core::{
    AnyCodec, Audio, AudioFormat, Budget, CodecId, Control, Encoder, Family as _, Format, Goal,
    Model, ModelId, Opener, Result, SampleDepth, Signal, SignalBuf,
};
use nc_grvq::{Family, Grvq};
use nc_kernels::{Kernels, Level};
use ndarray::Array2;

pub fn model() -> Model {
    Model::from_bytes(Family.default_model().unwrap(), &mut Budget::default()).unwrap()
}

pub fn at(level: Level) -> Grvq {
    let kernels = Kernels::new(level).unwrap();
    Grvq::new(&model(), kernels, &mut Budget::default()).unwrap()
}

/// The same, as streams take it.
pub fn any(level: Level) -> AnyCodec {
    at(level).into()
}

struct At(Level);

impl Opener for At {
    fn open(&self, _: CodecId, _: Option<ModelId>) -> Result<AnyCodec> {
        Ok(any(self.0))
    }
}

pub fn opener(level: Level) -> impl Opener {
    At(level)
}

/// Channels of equal length as `[channels, samples]`.
pub fn signal(channels: &[Vec<f32>]) -> Array2<f32> {
    let n = channels.first().map_or(0, Vec::len);
    Array2::from_shape_fn((channels.len(), n), |(c, i)| channels[c][i])
}

pub fn try_encoded(codec: &AnyCodec, rate: u32, x: &Array2<f32>, goal: Goal) -> Result<Vec<u8>> {
    let samples = x.view();
    let format = Format::Audio(AudioFormat {
        rate,
        channels: x.nrows() as u16,
        depth: SampleDepth::F32,
    });
    nc_core::encode(codec, Signal::Audio(Audio { rate, samples }), format, goal)
}

pub fn encoded(codec: &AnyCodec, rate: u32, x: &Array2<f32>, goal: Goal) -> Vec<u8> {
    try_encoded(codec, rate, x, goal).unwrap()
}

/// Encoded with the search that the option `search` says.
pub fn searched(
    codec: &AnyCodec,
    rate: u32,
    x: &Array2<f32>,
    goal: Goal,
    search: &str,
) -> Result<Vec<u8>> {
    let mut ctl = Control::default();
    ctl.options.set("search", search);
    let format = Format::Audio(AudioFormat {
        rate,
        channels: x.nrows() as u16,
        depth: SampleDepth::F32,
    });
    let mut encoder = Encoder::new(Vec::new(), codec, format, Some(x.ncols() as u64), goal)?;
    let samples = x.view();
    encoder.push(Signal::Audio(Audio { rate, samples }), &mut ctl)?;
    Ok(encoder.finish(&mut ctl)?.0)
}

pub fn decoded(level: Level, file: &[u8]) -> Result<SignalBuf> {
    nc_core::decode(&opener(level), file, Budget::default())
}

pub fn samples(x: &SignalBuf) -> &Array2<f32> {
    match x {
        SignalBuf::Audio(a) => &a.samples,
        _ => panic!("grvq gives audio"),
    }
}
