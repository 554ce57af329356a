//! `nc decode`: an nc file to what it was made from, whole or in part.
//!
//! A regular file is looked through first, frame by frame and without decoding, because its
//! metadata stands at the end and a WAV file has some of it in front. A pipe is decoded as it
//! comes.

mod recover;
mod video;

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use nc_core::container::Reader;
use nc_core::{
    Archive, AudioFormat, Control, Decoder, Error, Format, Header, MediaKind, Model, Opener, Part,
    RecordsFormat, SignalBuf,
};
use nc_media::records::Schema;
use nc_media::sound::wav::Chunk;
use serde_json::json;

use crate::args::Decode;
use crate::audio_out::AudioOut;
use crate::batch::{self, Done, Job};
use crate::encode::seconds;
use crate::failure::{Failure, Result};
use crate::input::{Input, Kind, kind_of};
use crate::kept;
use crate::models;
use crate::output::{Output, is_dash};
use crate::range::Range;
use crate::records::{self, Target};
use crate::ui::{Ui, label, name, show};

/// Chunks whose content counts samples from the start, which a part does not have.
const POSITIONS: [&[u8; 4]; 3] = [b"cue ", b"plst", b"smpl"];

/// The longest header is shorter: an extension of 4 KiB, and fields of less than 100 bytes.
const HEADER: u64 = 8192;

/// Runs the command; gives the exit code.
///
/// # Errors
/// What stops all files; the failures of single files are reported and in the code.
pub fn run(args: &Decode, ui: &mut Ui) -> Result<u8> {
    let registry = nc::registry();
    let jobs = batch::jobs(&args.paths, &args.to, renamed, |found| {
        kind_of(found) == Kind::Nc
    })?;
    if jobs.iter().any(|j| is_dash(&j.output)) {
        ui.take_stdout();
    }
    let model = models::given(args.model.as_deref(), &mut ui.budget())?;
    let opener = models::opener(&registry, model.as_ref());
    let work = Work {
        args,
        ui,
        model: model.as_ref(),
        opener: &opener,
    };
    Ok(batch::run(
        ui,
        &jobs,
        |job| &job.input,
        |job, threads| work.one(job, threads),
    ))
}

/// What all jobs share.
struct Work<'a> {
    args: &'a Decode,
    ui: &'a Ui,
    model: Option<&'a Model>,
    opener: &'a (dyn Opener + Sync),
}

impl Work<'_> {
    fn one(&self, job: &Job, threads: usize) -> Result<Done> {
        let (input, kind) = Input::open(&job.input)?;
        if kind != Kind::Nc {
            return Err(not_nc(kind));
        }
        let opener = self.opener;
        let bar = self.ui.bar(&job.input);
        let mut progress = show(&bar);
        let mut ctl = self.ui.control(threads, &mut progress);
        let (kind, input) = self.holds(input)?;
        let done = match (&self.args.range, input) {
            (_, input) if self.args.recover => {
                self.recover(job, seekable(input)?, opener, &mut ctl)
            }
            (_, input) if kind == Some(MediaKind::Records) => {
                self.records(job, seekable(input)?, opener, &mut ctl)
            }
            (_, input) if kind == Some(MediaKind::Video) && self.args.only.is_empty() => {
                self.video(job, seekable(input)?, opener, &mut ctl)
            }
            _ if !self.args.only.is_empty() => Err(Failure::usage("--only is for files of tables")),
            (None, Input::File(file)) => {
                let mut archive = Archive::open(BufReader::new(&file), self.ui.budget())?;
                let (chunks, budget) = kept::of_archive(&mut archive)?;
                let units = archive.units();
                drop(archive);
                (&file).seek(SeekFrom::Start(0))?;
                // The decoder meets the metadata again; what the archive had of it and its index is free by now.
                let decoder = Decoder::new(BufReader::new(&file), opener, budget)?;
                self.whole(job, decoder, Some(units), &chunks, &mut ctl)
            }
            (None, input) => {
                let decoder = Decoder::new(BufReader::new(input), opener, self.ui.budget())?;
                let units = decoder.header().length;
                self.whole(job, decoder, units, &[], &mut ctl)
            }
            (Some(range), input) => {
                let archive = Archive::open(BufReader::new(seekable(input)?), self.ui.budget())?;
                self.part(job, archive, *range, opener, &mut ctl)
            }
        };
        bar.finish_and_clear();
        done
    }

    /// What a file holds, from its header; the input as it was, or a copy of a pipe.
    fn holds(&self, mut input: Input) -> Result<(Option<MediaKind>, Input)> {
        let mut head = Vec::new();
        if let Input::File(file) = &mut input {
            Read::by_ref(file).take(HEADER).read_to_end(&mut head)?;
            file.seek(SeekFrom::Start(0))?;
        } else {
            input.by_ref().take(HEADER).read_to_end(&mut head)?;
        }
        let header = Header::read(&mut Reader::new(&head[..], 0));
        let kind = header.ok().map(|h| h.format.kind());
        Ok(match input {
            Input::File(file) => (kind, Input::File(file)),
            pipe => (
                kind,
                Input::Again(Box::new(io::Cursor::new(head).chain(pipe))),
            ),
        })
    }

    /// What the records of a file mean, by the model given.
    fn schema(&self, header: &Header) -> Result<Schema> {
        let schema = records::schema(self.model)?;
        if header.model != self.model.map(|m| m.id) {
            let needed = header.model.map_or_else(String::new, |m| m.to_string());
            return Err(Error::Model(format!("the file needs model {needed}").into()).into());
        }
        let variables = schema.alphabets().len() as u32;
        if header.format != (Format::Records(RecordsFormat { variables })) {
            return Err(Error::Format("records of another number of variables".into()).into());
        }
        Ok(schema)
    }

    /// Makes the folder of an output of `--out-dir`.
    fn folder_of(&self, job: &Job) -> Result<()> {
        match self.args.to.out_dir {
            Some(_) => batch::make_folder_of(&job.output),
            None => Ok(()),
        }
    }

    /// Decodes records, whole or in part.
    fn records(
        &self,
        job: &Job,
        file: File,
        opener: &dyn Opener,
        ctl: &mut Control<'_>,
    ) -> Result<Done> {
        let mut archive = Archive::open(BufReader::new(&file), self.ui.budget())?;
        let schema = self.schema(archive.header())?;
        let format = archive.header().format;
        let held = records::extras(archive.meta()?).len() as u64;
        archive.budget_mut().charge(held)?;
        let extras = records::extras(archive.meta()?).to_vec();
        let units = archive.units();
        let (from, to) = match &self.args.range {
            None => (0, units),
            Some(range) => within(*range, None, units)?,
        };
        let (mut only, mut variables) = (None, None);
        if !self.args.only.is_empty() {
            if schema.columns().is_none() {
                return Err(Failure::usage("--only is for files of tables"));
            }
            let mut columns = Vec::new();
            let mut wanted = Vec::new();
            for name in &self.args.only {
                let (column, its) = schema.column(name)?;
                columns.push(column);
                wanted.extend(its);
            }
            (only, variables) = (Some(columns), Some(wanted));
        }
        self.folder_of(job)?;
        let force = self.args.to.force;
        let mut target = Target::create(&schema, &job.output, Some(&job.input), force)?;
        let mut writer = target.writer(
            &schema,
            (from, to - from),
            &extras,
            only.as_deref(),
            archive.budget_mut(),
        )?;
        let mut write = |piece: SignalBuf| match piece {
            SignalBuf::Records(rows) => writer.write(rows.view()),
            _ => Err(Error::Format("media kinds mixed".into())),
        };
        if (from, to) == (0, units) && variables.is_none() {
            // The decoder meets the metadata again, and what the writer and the archive made of them is still there.
            let budget = archive.budget().share();
            (&file).seek(SeekFrom::Start(0))?;
            let mut decoder = Decoder::new(BufReader::new(&file), opener, budget)?;
            while let Some(piece) = decoder.next(ctl)? {
                write(piece)?;
            }
        } else {
            let part = Part {
                units: from..to,
                variables,
            };
            archive.decode_part(&part, opener, ctl, &mut write)?;
        }
        let bytes = writer.finish()?;
        target.commit()?;
        Ok(self.told(job, bytes, format, to - from, None))
    }

    /// Decodes a file from front to back. `chunks` are what is known of its metadata; the rest
    /// comes at its end.
    fn whole<R: io::Read>(
        &self,
        job: &Job,
        mut decoder: Decoder<R>,
        units: Option<u64>,
        chunks: &[Chunk],
        ctl: &mut Control<'_>,
    ) -> Result<Done> {
        let format = decoder.header().format;
        let mut out = self.create(job)?;
        let mut sink = Sink::new(&mut out, format, units, chunks)?;
        while let Some(piece) = decoder.next(ctl)? {
            sink.write(&piece)?;
        }
        let late = match chunks {
            [] => kept::chunks(decoder.meta(), &mut decoder.budget().share())?,
            _ => Vec::new(),
        };
        let (units, warning) = sink.finish(&late)?;
        self.finish(job, out, format, units, warning)
    }

    /// Decodes a part of a file.
    fn part<R: io::Read + Seek>(
        &self,
        job: &Job,
        mut archive: Archive<R>,
        range: Range,
        opener: &dyn Opener,
        ctl: &mut Control<'_>,
    ) -> Result<Done> {
        let format = archive.header().format;
        let rate = match format {
            Format::Audio(AudioFormat { rate, .. }) => Some(f64::from(rate)),
            _ => None,
        };
        let units = archive.units();
        let (from, to) = within(range, rate, units)?;
        let mut chunks = Vec::new();
        if rate.is_some() {
            (chunks, _) = kept::of_archive(&mut archive)?;
            chunks.retain(|c| !POSITIONS.contains(&&c.id));
        }
        let mut out = self.create(job)?;
        let mut sink = Sink::new(&mut out, format, Some(to - from), &chunks)?;
        archive.decode_range(from..to, opener, ctl, &mut |piece| sink.write(&piece))?;
        let (units, warning) = sink.finish(&[])?;
        self.finish(job, out, format, units, warning)
    }

    fn create(&self, job: &Job) -> Result<Output> {
        self.folder_of(job)?;
        Output::create(&job.output, Some(&job.input), self.args.to.force)
    }

    fn finish(
        &self,
        job: &Job,
        out: Output,
        format: Format,
        units: u64,
        warning: Option<String>,
    ) -> Result<Done> {
        let bytes = out.written();
        out.commit()?;
        Ok(self.told(job, bytes, format, units, warning))
    }

    fn told(
        &self,
        job: &Job,
        bytes: u64,
        format: Format,
        units: u64,
        warning: Option<String>,
    ) -> Done {
        if let Some(warning) = &warning {
            self.ui.warn(&job.input, warning);
        }
        self.ui.summary(format_args!(
            "{} -> {}: {bytes} bytes",
            label(&job.input),
            label(&job.output)
        ));
        Done(json!({
            "output": name(&job.output),
            "bytes": bytes,
            "units": units,
            "seconds": seconds(format, units),
            "warnings": warning.into_iter().collect::<Vec<_>>(),
        }))
    }
}

/// Takes decoded pieces: bytes as they are, audio as WAV.
enum Sink<'a> {
    Bytes(&'a mut Output, u64),
    Audio(Box<AudioOut<'a>>, u64),
}

impl<'a> Sink<'a> {
    fn new(
        out: &'a mut Output,
        format: Format,
        units: Option<u64>,
        chunks: &[Chunk],
    ) -> nc_core::Result<Self> {
        Ok(match format {
            Format::Bytes => Self::Bytes(out, 0),
            _ => Self::Audio(Box::new(AudioOut::new(out, format, units, chunks)?), 0),
        })
    }

    fn write(&mut self, piece: &SignalBuf) -> nc_core::Result<()> {
        match (self, piece) {
            (Self::Bytes(out, n), SignalBuf::Bytes(b)) => {
                out.write_all(b)?;
                *n = n.saturating_add(b.len() as u64);
            }
            (Self::Audio(out, n), SignalBuf::Audio(a)) => {
                out.write(a.samples.view())?;
                *n = n.saturating_add(a.samples.ncols() as u64);
            }
            _ => return Err(Error::Format("media kinds mixed".into())),
        }
        Ok(())
    }

    fn finish(self, late: &[Chunk]) -> nc_core::Result<(u64, Option<String>)> {
        match self {
            Self::Bytes(_, n) => Ok((n, None)),
            Self::Audio(mut out, n) => {
                for chunk in late {
                    out.late_chunk(chunk)?;
                }
                Ok((n, out.finish()?))
            }
        }
    }
}

/// A range as units from and to, within a signal of `units`.
fn within(range: Range, rate: Option<f64>, units: u64) -> Result<(u64, u64)> {
    let (from, to) = range.units(rate).ok_or_else(|| {
        Failure::usage("the file has no seconds").hint("give bytes, records or frames")
    })?;
    if from > units {
        return Err(Failure::usage(format!(
            "the range starts at {from}, after the end at {units}"
        )));
    }
    let to = to.unwrap_or(units).min(units);
    if from > to {
        return Err(Failure::usage("the range ends before it starts"));
    }
    Ok((from, to))
}

/// Why something that is no nc file is not decoded.
pub fn not_nc(kind: Kind) -> Failure {
    let failure = Failure::format("not an nc file");
    match kind {
        Kind::Empty => Failure::format("the file is empty"),
        Kind::Wav | Kind::Compressed | Kind::Y4m | Kind::Png => {
            failure.hint("nc encode makes one of it")
        }
        _ => failure,
    }
}

/// A file that can be sought in: the input itself, or a copy of a pipe that vanishes with us.
///
/// # Errors
/// I/O.
pub fn seekable(input: Input) -> Result<File> {
    match input {
        Input::File(file) => Ok(file),
        mut pipe => {
            let mut copy = tempfile::tempfile()?;
            io::copy(&mut pipe, &mut copy)?;
            copy.seek(SeekFrom::Start(0))?;
            Ok(copy)
        }
    }
}

/// Name of the output in `--out-dir`, from what the file says it holds.
fn renamed(input: &Path) -> PathBuf {
    let file = Path::new(input.file_name().unwrap_or_default());
    let header = File::open(input)
        .ok()
        .and_then(|f| Header::read(&mut Reader::new(BufReader::new(f), 0)).ok());
    match (header.map(|h| (h.format, h.length)), file.extension()) {
        (Some((Format::Audio(..), _)), _) => file.with_extension("wav"),
        // An image has one frame and no time.
        (Some((Format::Video(v), Some(1))), _) if v.fps().is_none() => file.with_extension("png"),
        (Some((Format::Video(_), _)), _) => file.with_extension("y4m"),
        (_, Some(e)) if e == "nc" => file.with_extension(""),
        _ => {
            let mut name = file.as_os_str().to_os_string();
            name.push(".out");
            name.into()
        }
    }
}
