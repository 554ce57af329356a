//! `nc decode --recover`: what a damaged file still holds, and which parts of it are lost.
//!
//! Time goes on where sound or video is lost: silence stands for it, or the frame before. Nothing stands for bytes and
//! records, nor for a lost end. The output gets its name, and the command still ends with the exit code of a corrupt
//! input, so that no script takes a part for the whole.

use std::fs::File;
use std::io::BufReader;

use nc_core::salvage::{Lost, Salvage, Stretch};
use nc_core::{
    AudioBuf, AudioFormat, Control, Error, Format, MediaKind, Opener, SignalBuf, VideoBuf,
};
use ndarray::Array2;
use serde_json::{Value, json};

use super::video::head;
use super::{Done, Sink, Work};
use crate::batch::Job;
use crate::failure::{Failure, Result};
use crate::kept;
use crate::records::{self, Target};
use crate::ui::name;
use crate::video_out::VideoOut;

/// Samples of silence that are made at a time.
const SILENCE: u64 = 1 << 14;

/// Lost stretches that are told one by one: a file may have one for every few bytes.
const TOLD: usize = 1000;

/// What was found so far.
#[derive(Default)]
struct Report {
    /// Units that came back.
    sound: u64,
    /// The first stretches that are lost, and how many there are.
    lost: Vec<Value>,
    stretches: u64,
}

impl Report {
    fn note(&mut self, stretch: &Stretch) {
        match stretch {
            Stretch::Sound(y) => self.sound = self.sound.saturating_add(y.units()),
            Stretch::Lost(lost) => self.lost(lost),
        }
    }

    fn lost(&mut self, lost: &Lost) {
        self.stretches = self.stretches.saturating_add(1);
        if self.lost.len() >= TOLD {
            return;
        }
        let why = match &lost.why {
            Error::Format(why) => why.to_string(),
            why => why.to_string(),
        };
        self.lost
            .push(json!({ "first": lost.first, "units": lost.units, "why": why }));
    }
}

impl Work<'_> {
    /// Decodes what is left of a file.
    pub fn recover(
        &self,
        job: &Job,
        file: File,
        opener: &dyn Opener,
        ctl: &mut Control<'_>,
    ) -> Result<Done> {
        let salvage = Salvage::open(BufReader::new(file), self.ui.budget());
        let mut salvage = salvage.map_err(|e| match e {
            e @ Error::Format(_) => {
                Failure::from(e).hint("nothing can be told of a file whose header is damaged")
            }
            e => e.into(),
        })?;
        self.folder_of(job)?;
        let format = salvage.header().format;
        let mut report = Report::default();
        let (whole, bytes) = match format.kind() {
            MediaKind::Records => {
                self.recover_records(job, &mut salvage, opener, ctl, &mut report)?
            }
            MediaKind::Video => self.recover_video(job, &mut salvage, opener, ctl, &mut report)?,
            _ => self.recover_stream(job, &mut salvage, opener, ctl, &mut report)?,
        };
        if whole {
            return Ok(self.told(job, bytes, format, report.sound, None));
        }
        for lost in &report.lost {
            self.ui.warn(&job.input, describe(lost, format));
        }
        let unit = unit(format);
        let what = match report.stretches {
            0 => format!(
                "all {} {unit} came back, but what follows them is damaged",
                report.sound
            ),
            n => format!(
                "{} {unit} came back, {n} {} lost",
                report.sound,
                if n == 1 {
                    "stretch is"
                } else {
                    "stretches are"
                }
            ),
        };
        Err(Failure::format(what).with(json!({
            "output": name(&job.output),
            "bytes": bytes,
            "recovered": report.sound,
            "lost": report.lost,
            "lost_stretches": report.stretches,
        })))
    }

    /// Sound and bytes.
    fn recover_stream(
        &self,
        job: &Job,
        salvage: &mut Salvage<BufReader<File>>,
        opener: &dyn Opener,
        ctl: &mut Control<'_>,
        report: &mut Report,
    ) -> Result<(bool, u64)> {
        let format = salvage.header().format;
        let chunks = kept::chunks(salvage.meta(), &mut salvage.budget().share())?;
        let mut out = self.create(job)?;
        // A pipe's head would announce what may not come.
        let units = out.can_rewrite().then(|| salvage.units());
        let mut sink = Sink::new(&mut out, format, units, &chunks)?;
        let mut silence = 0u64;
        let whole = salvage.decode(opener, ctl, &mut |stretch| {
            report.note(&stretch);
            match stretch {
                Stretch::Sound(y) => {
                    while let (Format::Audio(AudioFormat { rate, channels, .. }), 1..) =
                        (format, silence)
                    {
                        let n = silence.min(SILENCE);
                        silence = silence.saturating_sub(n);
                        let samples = Array2::zeros((usize::from(channels), n as usize));
                        sink.write(&SignalBuf::Audio(AudioBuf { rate, samples }))?;
                    }
                    sink.write(&y)?;
                }
                Stretch::Lost(lost) => {
                    silence = silence.saturating_add(lost.units.unwrap_or(0));
                }
            }
            Ok(())
        })?;
        sink.finish(&[])?;
        let bytes = out.written();
        out.commit()?;
        Ok((whole, bytes))
    }

    fn recover_video(
        &self,
        job: &Job,
        salvage: &mut Salvage<BufReader<File>>,
        opener: &dyn Opener,
        ctl: &mut Control<'_>,
        report: &mut Report,
    ) -> Result<(bool, u64)> {
        let Format::Video(form) = salvage.header().format else {
            return Err(Failure::format("not video"));
        };
        let size = form.frame_samples()?;
        // The frame before, and one made of it.
        salvage.budget_mut().charge(4 * size as u64)?;
        // Mid-grey, until a frame has come.
        let mut last = vec![form.max() / 2 + 1; size];
        let mut out = VideoOut::create(
            &job.output,
            &job.input,
            self.args.to.force,
            head(form, salvage.meta()),
            (0, salvage.units()),
            salvage.budget_mut(),
        )?;
        let mut still = 0u64;
        let whole = salvage.decode(opener, ctl, &mut |stretch| {
            report.note(&stretch);
            match stretch {
                Stretch::Sound(y) => {
                    let frame = SignalBuf::Video(VideoBuf {
                        format: form,
                        samples: last.clone(),
                    });
                    for _ in 0..std::mem::take(&mut still) {
                        out.write(&frame)?;
                    }
                    out.write(&y)?;
                    if let SignalBuf::Video(v) = &y
                        && let Some(frame) = v.samples.rchunks_exact(size).next()
                    {
                        last.copy_from_slice(frame);
                    }
                }
                Stretch::Lost(lost) => {
                    still = still.saturating_add(lost.units.unwrap_or(0));
                }
            }
            Ok(())
        })?;
        if report.sound == 0 {
            return Err(Failure::format("no frame came back"));
        }
        Ok((whole, out.commit()?))
    }

    /// Records, in two passes: some formats say first how many there are.
    fn recover_records(
        &self,
        job: &Job,
        salvage: &mut Salvage<BufReader<File>>,
        opener: &dyn Opener,
        ctl: &mut Control<'_>,
        report: &mut Report,
    ) -> Result<(bool, u64)> {
        let schema = self.schema(salvage.header())?;
        let whole = salvage.decode(opener, ctl, &mut |stretch| {
            report.note(&stretch);
            Ok(())
        })?;
        let held = records::extras(salvage.meta()).len() as u64;
        salvage.budget_mut().charge(held)?;
        let extras = records::extras(salvage.meta()).to_vec();
        let force = self.args.to.force;
        let mut target = Target::create(&schema, &job.output, Some(&job.input), force)?;
        let rows = (0, report.sound);
        let mut writer = target.writer(&schema, rows, &extras, None, salvage.budget_mut())?;
        salvage.decode(opener, ctl, &mut |stretch| match stretch {
            Stretch::Sound(SignalBuf::Records(rows)) => writer.write(rows.view()),
            Stretch::Sound(_) => Err(Error::Format("media kinds mixed".into())),
            Stretch::Lost(lost) => {
                writer.skip(lost.units);
                Ok(())
            }
        })?;
        let bytes = writer.finish()?;
        target.commit()?;
        Ok((whole, bytes))
    }
}

fn unit(format: Format) -> &'static str {
    match format.kind() {
        MediaKind::Bytes => "bytes",
        MediaKind::Audio => "samples",
        MediaKind::Video => "frames",
        _ => "records",
    }
}

/// A lost stretch in words.
fn describe(lost: &Value, format: Format) -> String {
    let first = lost["first"].as_u64().unwrap_or(0);
    let why = lost["why"].as_str().unwrap_or_default();
    let unit = unit(format);
    match lost["units"].as_u64() {
        Some(n) => format!(
            "lost: {unit} {first} to {} ({why})",
            first.saturating_add(n).saturating_sub(1)
        ),
        None => format!("lost: {unit} from {first} on, nobody knows how many ({why})"),
    }
}
