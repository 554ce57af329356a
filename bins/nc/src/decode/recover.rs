//! `nc decode --recover`: what a damaged file still holds, and which parts of it are lost.
//!
//! Time goes on where sound or video is lost: silence stands for it, or the frame before. Nothing stands for bytes and
//! records, nor for a lost end. The output gets its name, and the command still ends with the exit code of a corrupt
//! input, so that no script takes a part for the whole.

use std::fs::File;
use std::io::BufReader;

use nc_core::salvage::{Lost, Salvage, Stretch};
use nc_core::{Control, Error, Format, MediaKind};
use nc_media::CreateOptions;
use serde_json::{Value, json};

use super::{Done, Work};
use crate::batch::Job;
use crate::failure::{Failure, Result};
use crate::ui::name;

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
    pub fn recover(&self, job: &Job, file: File, ctl: &mut Control<'_>) -> Result<Done> {
        let salvage = Salvage::open(BufReader::new(file), self.ui.budget());
        let mut salvage = salvage.map_err(|e| match e {
            e @ Error::Format(_) => {
                Failure::from(e).hint("nothing can be told of a file whose header is damaged")
            }
            e => e.into(),
        })?;
        let format = salvage.header().format;
        let mut options = CreateOptions::new();
        let units = match format {
            // Records take two passes: some formats say first how many there are.
            Format::Records(..) => {
                options = options.schema(self.schema(salvage.header())?);
                let mut first = Report::default();
                salvage.decode(self.opener, ctl, &mut |stretch| {
                    first.note(&stretch);
                    Ok(())
                })?;
                first.sound
            }
            _ => salvage.units(),
        };
        let options = options
            .budget(salvage.budget().share())
            .metadata(salvage.meta())
            .expected(units);
        let mut writer = self.create(job, &format, options)?;
        let mut report = Report::default();
        let whole = salvage.decode(self.opener, ctl, &mut |stretch| {
            report.note(&stretch);
            match stretch {
                Stretch::Sound(y) => writer.write(y.view()),
                Stretch::Lost(lost) => writer.skip(lost.units),
            }
        })?;
        if format.kind() == MediaKind::Video && report.sound == 0 {
            return Err(Failure::format("no frame came back"));
        }
        let bytes = writer.finish()?.bytes;
        if whole {
            return Ok(self.told(job, bytes, format, report.sound, &[]));
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
