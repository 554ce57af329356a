//! nc's own codecs, through the library, to the bytes of a real file in memory.
//!
//! One thread; opening the model is not in the times, since a program does that once.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use nc_core::{
    Audio, AudioFormat, Budget, Codec, CodecEntry, Control, Decoder, Encoder, Format, Goal, Model,
    Registry, SampleDepth, Signal, SignalBuf,
};
use nc_corpora::metrics::RATE;
use ndarray::ArrayView2;

use crate::coder::{Coded, Coder};

struct Own {
    registry: Registry,
    codec: Arc<dyn Codec>,
    model: Option<Model>,
    setting: String,
    goal: Goal,
    description: String,
}

/// One coder for each rate in kbit/s and each quality, with the build's model or this one. A
/// lossless codec has no rates; the list is then only how often it runs.
///
/// # Errors
/// An unknown codec, a missing or unreadable model.
pub fn all(
    codec: &str,
    model: Option<&Path>,
    rates: &[f64],
    qualities: &[f32],
) -> Result<Vec<Box<dyn Coder>>> {
    let registry = nc::registry();
    let entry: CodecEntry = *registry.by_name(codec)?;
    let model = model
        .map(|path| -> Result<Model> {
            let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
            Ok(Model::from_bytes(bytes, &mut Budget::default())?)
        })
        .transpose()?;
    let opened: Arc<dyn Codec> = registry.open_for_encoding(&entry, model.as_ref())?.into();
    let id = opened
        .model()
        .map_or_else(|| "without model".into(), |m| format!("model {m}"));
    let lossless = opened.info().lossless;
    let rates = rates.iter().map(|kbps| {
        let bits = (kbps * 1000.0).round() as u32;
        let goal = if lossless {
            Goal::Exact
        } else {
            Goal::Bitrate(bits)
        };
        (kbps.to_string(), goal)
    });
    let qualities = qualities
        .iter()
        .map(|q| (format!("quality {q}"), Goal::Quality(*q)));
    Ok(rates
        .chain(qualities)
        .map(|(setting, goal)| {
            Box::new(Own {
                registry: registry.clone(),
                codec: opened.clone(),
                model: model.clone(),
                setting,
                goal,
                description: format!("nc {} {codec}, {id}", env!("CARGO_PKG_VERSION")),
            }) as Box<dyn Coder>
        })
        .collect())
}

impl Coder for Own {
    fn name(&self) -> &str {
        self.codec.info().name
    }

    fn setting(&self) -> &str {
        &self.setting
    }

    fn target(&self) -> Option<f64> {
        match self.goal {
            Goal::Bitrate(bits) => Some(f64::from(bits) / 1000.0),
            _ => None,
        }
    }

    fn description(&self) -> &str {
        &self.description
    }

    fn code(&self, x: &[f32]) -> Result<Coded> {
        let mut ctl = Control {
            threads: 1,
            ..Control::default()
        };
        let format = Format::Audio(AudioFormat {
            rate: RATE,
            channels: 1,
            depth: SampleDepth::I16,
        });
        let start = Instant::now();
        let mut encoder = Encoder::new(
            Vec::new(),
            self.codec.as_ref(),
            format,
            Some(x.len() as u64),
            self.goal,
        )?;
        let samples = ArrayView2::from_shape((1, x.len()), x)?;
        let audio = Audio {
            rate: RATE,
            samples,
        };
        encoder.push(Signal::Audio(audio), &mut ctl)?;
        let (file, _) = encoder.finish(&mut ctl)?;
        let encode_s = start.elapsed().as_secs_f64();

        let opener = self.registry.opener(self.model.iter().cloned().collect());
        let mut decoder = Decoder::new(file.as_slice(), &opener, Budget::default())?;
        let mut samples = Vec::with_capacity(x.len());
        let start = Instant::now();
        while let Some(piece) = decoder.next(&mut ctl)? {
            let SignalBuf::Audio(audio) = piece else {
                bail!("sound went in and something else came out");
            };
            samples.extend(audio.samples.row(0));
        }
        Ok(Coded {
            bytes: file.len() as u64,
            payload: None,
            samples,
            encode_s,
            decode_s: start.elapsed().as_secs_f64(),
        })
    }
}
