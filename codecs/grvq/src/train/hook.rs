//! Training as the registry offers it: recordings in, a model file out.

use nc_core::family::{Example, Examples, Trained, Trainer};
use nc_core::{
    AudioBuf, AudioFormat, CodecOption, Control, Error, Format, OptionValue, Options, Result,
    SignalBuf,
};
use nc_kernels::{resample, resampled_len};
use ndarray::Array2;
use serde_json::json;

use super::{Clip, Dataset, Recipe, train};
use crate::config::SAMPLE_RATE;

/// Shorter recordings hold nothing to learn from, in seconds.
const SHORTEST: f32 = 0.3;

/// Trains the codec and its token prior.
pub struct Speech;

impl Trainer for Speech {
    fn about(&self) -> &'static str {
        "Train the sound codec and its token prior on folders of recordings"
    }

    fn options(&self) -> &'static [CodecOption] {
        &[CodecOption {
            name: "recipe",
            help: "sizes, loss weights, steps, seed, card, as JSON; what it leaves out has a default",
            value: OptionValue::File,
        }]
    }

    /// One channel at the codec's rate.
    fn prepare(&self, example: Example) -> Result<Example> {
        let (Format::Audio(format), SignalBuf::Audio(sound)) = (example.format, &example.signal)
        else {
            return Err(Error::Usage("recordings are what it learns from".into()));
        };
        let mono = mono(&format, sound)?;
        let samples = Array2::from_shape_vec((1, mono.len()), mono);
        let samples = samples.map_err(|e| Error::Internal(e.to_string().into()))?;
        let format = AudioFormat {
            rate: SAMPLE_RATE,
            channels: 1,
            ..format
        };
        Ok(Example {
            format: Format::Audio(format),
            signal: SignalBuf::Audio(AudioBuf {
                rate: SAMPLE_RATE,
                samples,
            }),
            ..example
        })
    }

    fn train(
        &self,
        data: &mut dyn Examples,
        options: &Options,
        ctl: &mut Control<'_>,
    ) -> Result<Trained> {
        let recipe: Recipe = match options.get("recipe") {
            None => Recipe::default(),
            Some(text) => serde_json::from_str(text)
                .map_err(|e| Error::Usage(format!("not a recipe: {e}")))?,
        };
        let (mut clips, mut held) = (Vec::new(), Vec::new());
        while let Some(example) = data.next()? {
            ctl.check()?;
            let (Format::Audio(format), SignalBuf::Audio(sound)) = (example.format, example.signal)
            else {
                return Err(Error::Usage("recordings are what it learns from".into()));
            };
            let samples = whole(&mono(&format, &sound)?);
            if (samples.len() as f32) < SHORTEST * SAMPLE_RATE as f32 {
                continue;
            }
            let clip = Clip {
                name: example.name,
                samples,
            };
            match example.held_out {
                true => held.push(clip),
                false => clips.push(clip),
            }
        }
        if clips.is_empty() {
            return Err(Error::Usage("no recordings found to train on".into()));
        }
        let (clips, held) = (Dataset { clips }, Dataset { clips: held });
        let hours = |d: &Dataset| d.samples() as f64 / f64::from(SAMPLE_RATE) / 3600.0;
        let summary = format!(
            "learnt from {} recordings, {:.2} h, with {:.2} h held out",
            clips.clips.len(),
            hours(&clips),
            hours(&held)
        );
        let facts = json!({ "recordings": clips.clips.len(), "hours": hours(&clips), "held_out_hours": hours(&held) });
        let resume = ctl.resume;
        Ok(Trained {
            model: train(&recipe, &clips, &held, resume, ctl)?,
            summary,
            facts,
        })
    }
}

/// A recording as one channel at the codec's rate.
fn mono(format: &AudioFormat, sound: &AudioBuf) -> Result<Vec<f32>> {
    let columns = sound.samples.columns().into_iter();
    let mono: Vec<f32> = columns
        .map(|c| c.sum() / f32::from(format.channels))
        .collect();
    if format.rate == SAMPLE_RATE {
        return Ok(mono);
    }
    let len = resampled_len(mono.len() as u64, format.rate, SAMPLE_RATE);
    let len = usize::try_from(len).map_err(|_| Error::Limit("a recording".into()))?;
    resample(&mono, format.rate, SAMPLE_RATE, len).map_err(|e| Error::Unsupported(e.to_string()))
}

/// Samples of 16 bits, as they are kept.
fn whole(samples: &[f32]) -> Vec<i16> {
    let whole = |s: &f32| (s * 32768.0).round().clamp(-32768.0, 32767.0) as i16;
    samples.iter().map(whole).collect()
}
