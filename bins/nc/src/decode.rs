//! `nc decode`: an nc file to what it was made from, whole or in part.
//!
//! A regular file is looked through first, frame by frame and without decoding, because its metadata stands at the end
//! and most formats have some of it in front. Sound and bytes from a pipe are decoded as they come; what else comes so is
//! copied first, compressed as it is.

mod recover;

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use nc_core::container::Reader;
use nc_core::{
    Archive, Control, Decoder, Error, Format, Header, MediaKind, Model, Opener, Part, RecordsFormat,
};
use nc_media::records::Schema;
use nc_media::{CreateOptions, Input, Warning, Writer, names};
use serde_json::json;

use crate::args::Decode;
use crate::batch::{self, Done, Job};
use crate::encode::seconds;
use crate::failure::{Failure, Result};
use crate::files::{self, is_dash, is_nc, is_nc_file};
use crate::models;
use crate::ui::{Ui, label, name, show};

/// The longest header is shorter: an extension of 4 KiB, and fields of less than 100 bytes.
const HEADER: u64 = 8192;

/// Runs the command; gives the exit code.
///
/// # Errors
/// What stops all files; the failures of single files are reported and in the code.
pub fn run(args: &Decode, ui: &mut Ui) -> Result<u8> {
    let registry = nc::registry();
    let jobs = batch::jobs(&args.paths, &args.to, names::decoded, is_nc_file)?;
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
        let input = files::input(&job.input)?;
        if !is_nc(input.sniff()) {
            return Err(not_nc(&input));
        }
        let bar = self.ui.bar(&job.input);
        let mut progress = show(&bar);
        let mut ctl = self.ui.control(threads, &mut progress);
        let done = match input.into_file() {
            Ok(file) => self.file(job, file, &mut ctl),
            Err(pipe) => self.pipe(job, pipe, &mut ctl),
        };
        bar.finish_and_clear();
        done
    }

    /// Decodes a pipe as it comes, where that can be done.
    fn pipe(&self, job: &Job, mut input: Input, ctl: &mut Control<'_>) -> Result<Done> {
        let mut head = Vec::new();
        input.by_ref().take(HEADER).read_to_end(&mut head)?;
        let header = Header::read(&mut Reader::new(&head[..], 0)).ok();
        let input = Input::stream(io::Cursor::new(head).chain(input))?;
        let kind = header.map(|h| h.format.kind());
        let needs_all = kind.is_some_and(|k| !matches!(k, MediaKind::Audio | MediaKind::Bytes));
        let args = self.args;
        if needs_all || args.recover || args.range.is_some() || !args.only.is_empty() {
            return self.file(job, input.seekable()?, ctl);
        }
        let mut decoder = Decoder::new(BufReader::new(input), self.opener, self.ui.budget())?;
        let header = *decoder.header();
        let mut options = CreateOptions::new().budget(decoder.budget().share());
        if let Some(units) = header.length {
            options = options.units(units);
        }
        let mut writer = self.create(job, &header.format, options)?;
        while let Some(piece) = decoder.next(ctl)? {
            writer.write(piece.view())?;
        }
        writer.add_metadata(decoder.meta())?;
        self.finish(job, writer, header.format)
    }

    /// Decodes a file that can be sought in.
    fn file(&self, job: &Job, file: File, ctl: &mut Control<'_>) -> Result<Done> {
        if self.args.recover {
            return self.recover(job, file, ctl);
        }
        let mut archive = Archive::open(BufReader::new(&file), self.ui.budget())?;
        let format = archive.header().format;
        let schema = match format {
            Format::Records(..) => Some(self.schema(archive.header())?),
            _ => None,
        };
        let units = archive.units();
        let part = match &self.args.range {
            None => 0..units,
            Some(range) => range.within(&format, units)?,
        };
        if format.kind() == MediaKind::Video && part.is_empty() {
            return Err(match units {
                0 => Failure::format("a video without a frame"),
                _ => Failure::usage("no frame lies in the range"),
            });
        }
        let only = self.only(schema.as_ref())?;
        let budget = archive.budget().share();
        let mut options = CreateOptions::new().budget(budget.share());
        options = match self.args.range {
            None => options.units(units),
            Some(_) => options.part(part.clone()),
        };
        if let Some(schema) = schema {
            options = options.schema(schema);
        }
        let mut variables = None;
        if let Some((columns, wanted)) = only {
            options = options.only(columns);
            variables = Some(wanted);
        }
        let mut writer = self.create(job, &format, options.metadata(archive.meta()?))?;
        if part == (0..units) && variables.is_none() {
            // The decoder meets the metadata again; what the archive had of it and its index is free by then.
            drop(archive);
            (&file).seek(SeekFrom::Start(0))?;
            let mut decoder = Decoder::new(BufReader::new(&file), self.opener, budget)?;
            while let Some(piece) = decoder.next(ctl)? {
                writer.write(piece.view())?;
            }
        } else {
            let part = Part {
                units: part,
                variables,
            };
            let write = &mut |piece: nc_core::SignalBuf| writer.write(piece.view());
            archive.decode_part(&part, self.opener, ctl, write)?;
        }
        self.finish(job, writer, format)
    }

    /// Columns that are asked for, and their variables.
    fn only(&self, schema: Option<&Schema>) -> Result<Option<(Vec<usize>, Vec<usize>)>> {
        if self.args.only.is_empty() {
            return Ok(None);
        }
        let schema = schema
            .filter(|s| s.columns().is_some())
            .ok_or_else(|| Failure::usage("--only is for files of tables"))?;
        let (mut columns, mut variables) = (Vec::new(), Vec::new());
        for name in &self.args.only {
            let (column, its) = schema.column(name)?;
            columns.push(column);
            variables.extend(its);
        }
        Ok(Some((columns, variables)))
    }

    /// What the records of a file mean, by the model given.
    fn schema(&self, header: &Header) -> Result<Schema> {
        let schema = files::schema(self.model)?;
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

    /// Opens the output, and makes its folder below `--out-dir`.
    fn create(
        &self,
        job: &Job,
        format: &Format,
        options: CreateOptions<'_>,
    ) -> Result<Writer<'static>> {
        if self.args.to.out_dir.is_some() {
            batch::make_folder_of(&job.output)?;
        }
        let force = self.args.to.force;
        files::writer(&job.output, Some(&job.input), force, format, options)
    }

    fn finish(&self, job: &Job, writer: Writer<'_>, format: Format) -> Result<Done> {
        let written = writer.finish()?;
        Ok(self.told(job, written.bytes, format, written.units, &written.warnings))
    }

    fn told(
        &self,
        job: &Job,
        bytes: u64,
        format: Format,
        units: u64,
        warnings: &[Warning],
    ) -> Done {
        for warning in warnings {
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
            "warnings": warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }))
    }
}

/// Why something that is no nc file is not decoded.
pub fn not_nc(input: &Input) -> Failure {
    let failure = Failure::format("not an nc file");
    let encoded = |k| matches!(k, MediaKind::Audio | MediaKind::Video);
    match input.sniff() {
        _ if input.is_empty() => Failure::format("the file is empty"),
        Some(f) if f.kind.is_some_and(encoded) => failure.hint("nc encode makes one of it"),
        _ => failure,
    }
}
