//! Nc files back to what they were made from, whole, in part, or what is left of them.
//!
//! A regular file is looked through first, frame by frame and without decoding, because its metadata stands at the end
//! and most formats have some of it in front. Sound and bytes from a stream are decoded as they come; what else comes so is
//! copied first, compressed as it is.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use nc_core::salvage::{Lost, Salvage, Stretch};
use nc_core::tracks::{self, Track, Tracks};
use nc_core::{
    Archive, Control, Decoder, Error, Format, Header, MediaKind, Part, Result, SignalBuf,
};
use nc_media::output::Finished;
use nc_media::records::Schema;
use nc_media::video::container::is_container;
use nc_media::{CreateOptions, Input, Warning, Writer, Written};

use crate::endpoint::{make_folder_of, nc_input};
use crate::tracks::{formats, in_seconds, places};
use crate::{DecodeSettings, Source, Target, Toolkit};

/// Lost stretches that are told one by one: a file may have one for every few bytes.
const TOLD: usize = 1000;

/// What a decode gave.
#[derive(Debug)]
#[non_exhaustive]
pub struct Decoded {
    /// Form of the signal.
    pub format: Format,
    /// Bytes written.
    pub bytes: u64,
    /// Units written; of a file that was recovered those that came back.
    pub units: u64,
    /// Whether the file says what its output hashes to; a trimmed one does not, for nobody has seen it.
    pub hashed: bool,
    /// What could not be kept.
    pub warnings: Vec<Warning>,
    /// What is lost, of a file that was recovered.
    pub losses: Option<Losses>,
    /// What became of the other tracks, of a file of several: the sound of a clip.
    pub beside: Vec<Beside>,
}

/// A track beside the first.
#[derive(Debug)]
#[non_exhaustive]
pub struct Beside {
    /// Its number.
    pub track: usize,
    /// Where it was written; none where nothing is.
    pub path: Option<PathBuf>,
    /// What its decode gave.
    pub decoded: Decoded,
}

/// What a damaged file does not hold any more.
#[derive(Debug, Default)]
pub struct Losses {
    /// Whether anything is.
    pub any: bool,
    /// Units that came back.
    pub recovered: u64,
    /// The first stretches that are lost.
    pub lost: Vec<Lost>,
    /// How many stretches are.
    pub stretches: u64,
}

impl Losses {
    fn note(&mut self, stretch: &mut Stretch) {
        match stretch {
            Stretch::Sound(y) => self.recovered += y.units(),
            Stretch::Lost(lost) => {
                self.stretches += 1;
                if self.lost.len() < TOLD {
                    self.lost.push(Lost {
                        first: lost.first,
                        units: lost.units,
                        // The sink needs to know how many, not why.
                        why: std::mem::replace(&mut lost.why, Error::Cancelled),
                    });
                }
            }
        }
    }
}

impl Toolkit {
    /// Decodes an nc file to what it was made from: WAV, Y4M, PNG, a folder of PNGs, a table, whatever it was.
    ///
    /// # Errors
    /// [`Error::Format`] for damage, [`Error::Model`] where a model is missing, [`Error::Usage`] for an output that exists,
    /// [`Error::Limit`], [`Error::Io`]. Nothing is left behind then.
    pub fn decode_file<'t>(
        &self,
        from: impl Into<Source>,
        to: impl Into<Target<'t>>,
    ) -> Result<Decoded> {
        self.decode_file_with(from, to, &DecodeSettings::new(), &mut self.control())
    }

    /// The same in part, or as far as it is left, with a control.
    ///
    /// # Errors
    /// As for [`Self::decode_file`]; [`Error::Usage`] for a range outside.
    pub fn decode_file_with<'t>(
        &self,
        from: impl Into<Source>,
        to: impl Into<Target<'t>>,
        settings: &DecodeSettings,
        ctl: &mut Control<'_>,
    ) -> Result<Decoded> {
        let source = from.into();
        let path = source.path().map(PathBuf::from);
        let input = nc_input(source)?;
        match input.into_file() {
            Ok(file) => self.decode_seekable(file, to.into(), path.as_deref(), settings, ctl),
            Err(stream) => self.decode_stream(stream, to.into(), settings, ctl),
        }
    }

    /// Decodes a file to the end of what decoding would write, and compares the hashes that it carries.
    ///
    /// # Errors
    /// As for [`Self::decode_file`].
    pub fn test_file(&self, from: impl Into<Source>, ctl: &mut Control<'_>) -> Result<Decoded> {
        self.decode_file_with(from, Target::Nothing, &DecodeSettings::new(), ctl)
    }

    /// Decodes a stream as it comes, where that can be done.
    fn decode_stream(
        &self,
        mut input: Input,
        to: Target<'_>,
        settings: &DecodeSettings,
        ctl: &mut Control<'_>,
    ) -> Result<Decoded> {
        let mut head = Vec::new();
        input.by_ref().take(Header::MOST).read_to_end(&mut head)?;
        // A header that is damaged is told by whoever reads on.
        let kind = Header::from_bytes(&head).ok().map(|h| h.format.kind());
        let several = tracks::begins(&head);
        let input = Input::stream(Cursor::new(head).chain(input))?;
        let needs_all =
            several || kind.is_some_and(|k| !matches!(k, MediaKind::Audio | MediaKind::Bytes));
        let part = settings.range.is_some() || !settings.only.is_empty();
        if needs_all || part || settings.recover {
            return self.decode_seekable(input.seekable()?, to, None, settings, ctl);
        }
        let mut decoder = self.decoder(input)?;
        let header = *decoder.header();
        let mut options = CreateOptions::new().budget(decoder.budget().share());
        if let Some(units) = header.length {
            options = options.units(units);
        }
        let mut writer = self.create(to, None, settings, &header.format, options)?;
        while let Some(piece) = decoder.next(ctl)? {
            writer.write(piece)?;
        }
        writer.add_metadata(decoder.meta())?;
        commit([writer.end(&header)?])
    }

    /// Decodes a file that can be sought in; `path` is its own.
    pub(crate) fn decode_seekable(
        &self,
        file: File,
        to: Target<'_>,
        path_of_input: Option<&Path>,
        settings: &DecodeSettings,
        ctl: &mut Control<'_>,
    ) -> Result<Decoded> {
        let tracks = match settings.recover {
            true => Tracks::salvage(file, self.budget())?,
            false => Tracks::open(file, self.budget())?,
        };
        if !tracks.several() && settings.track.is_none() {
            return commit([self.decode_track(
                tracks.track(0)?,
                to,
                path_of_input,
                settings,
                ctl,
            )?]);
        }
        let formats = formats(&tracks)?;
        let plan = places(&formats, settings.track, to)?;
        let mut settings = settings.clone();
        let (first, to) = plan.first;
        if let (Some(range), false, Some(form)) =
            (settings.range, plan.beside.is_empty(), formats.get(first))
        {
            settings.range = Some(in_seconds(range, form)?);
        }
        if let (Some(path), [(sound, _)]) = (to.path(), &plan.beside[..])
            && is_container(path)
        {
            // Both go into one file; the sound is made first, as a file beside it that does not stay.
            let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
            let copy = tempfile::Builder::new()
                .suffix(".wav")
                .tempfile_in(folder.unwrap_or(Path::new(".")))?;
            let copy = copy.into_temp_path();
            let again = DecodeSettings {
                overwrite: true,
                ..settings.clone()
            };
            let track = tracks.track(*sound)?;
            let beside = commit([self.decode_track(
                track,
                copy.to_path_buf().into(),
                None,
                &again,
                ctl,
            )?])?;
            settings.sound = Some(copy.to_path_buf());
            let first =
                self.decode_track(tracks.track(first)?, to, path_of_input, &settings, ctl)?;
            let mut decoded = commit([first])?;
            decoded.beside = vec![Beside {
                track: *sound,
                path: None,
                decoded: beside,
            }];
            return Ok(decoded);
        }
        let mut all =
            vec![self.decode_track(tracks.track(first)?, to, path_of_input, &settings, ctl)?];
        let mut outputs = Vec::new();
        for (number, to) in plan.beside {
            outputs.push((number, to.path().map(Path::to_path_buf)));
            all.push(self.decode_track(
                tracks.track(number)?,
                to,
                path_of_input,
                &settings,
                ctl,
            )?);
        }
        let mut decoded = commit(all)?;
        for (beside, (track, path)) in decoded.beside.iter_mut().zip(outputs) {
            (beside.track, beside.path) = (track, path);
        }
        decoded.warnings.extend(plan.warnings);
        Ok(decoded)
    }

    /// Decodes a track, or what is left of it.
    fn decode_track<'t>(
        &self,
        track: Track<File>,
        to: Target<'t>,
        path: Option<&Path>,
        settings: &DecodeSettings,
        ctl: &mut Control<'_>,
    ) -> Result<Ended<'t>> {
        match settings.recover {
            true => self.recover(track, to, path, settings, ctl),
            false => self.decode_archive(track, to, path, settings, ctl),
        }
    }

    /// Decodes a track.
    fn decode_archive<'t>(
        &self,
        track: Track<File>,
        to: Target<'t>,
        path: Option<&Path>,
        settings: &DecodeSettings,
        ctl: &mut Control<'_>,
    ) -> Result<Ended<'t>> {
        let mut archive = Archive::open(track.clone(), self.budget())?;
        let header = *archive.header();
        let format = header.format;
        let schema = self.schema_for(&header, &to)?;
        let units = archive.units();
        let part = match &settings.range {
            None => 0..units,
            Some(range) => range.within(&format, units)?,
        };
        if format.kind() == MediaKind::Video && part.is_empty() {
            return Err(match units {
                0 => Error::Format("a video without a frame".into()),
                _ => Error::Usage("no frame lies in the range".into()),
            });
        }
        let budget = archive.budget().share();
        let mut options = CreateOptions::new().budget(budget.share());
        options = match settings.range {
            None => options.units(units),
            Some(_) => options.part(part.clone()),
        };
        let mut variables = None;
        if let Some((columns, wanted)) = only(settings, schema.as_ref())? {
            options = options.only(columns);
            variables = Some(wanted);
        }
        if let Some(schema) = schema {
            options = options.schema(schema);
        }
        let options = options.metadata(archive.meta()?);
        let mut writer = self.create(to, path, settings, &format, options)?;
        if part == (0..units) && variables.is_none() {
            // The decoder meets the metadata again; what the archive had of it and its index is free by then.
            drop(archive);
            let mut decoder = Decoder::new(track, self.registry(), budget)?;
            while let Some(piece) = decoder.next(ctl)? {
                writer.write(piece)?;
            }
        } else {
            let part = Part {
                units: part,
                variables,
            };
            archive.decode_part(&part, self.registry(), ctl, &mut |piece| {
                writer.write(piece)
            })?;
        }
        writer.end(&header)
    }

    /// Decodes what is left of a track.
    fn recover<'t>(
        &self,
        track: Track<File>,
        to: Target<'t>,
        path: Option<&Path>,
        settings: &DecodeSettings,
        ctl: &mut Control<'_>,
    ) -> Result<Ended<'t>> {
        let salvage = Salvage::open(track, self.budget());
        let mut salvage = salvage.map_err(|e| match e {
            e @ Error::Format(_) => e.coded(crate::HEADER_DAMAGED),
            e => e,
        })?;
        let header = *salvage.header();
        let mut options = CreateOptions::new();
        let units = match self.schema_for(&header, &to)? {
            // Records take two passes: some formats say first how many there are.
            Some(schema) => {
                options = options.schema(schema);
                let mut first = Losses::default();
                salvage.decode(self.registry(), ctl, &mut |mut stretch| {
                    first.note(&mut stretch);
                    Ok(())
                })?;
                first.recovered
            }
            None => salvage.units(),
        };
        let options = options
            .budget(salvage.budget().share())
            .metadata(salvage.meta())
            .expected(units);
        let mut writer = self.create(to, path, settings, &header.format, options)?;
        let mut losses = Losses::default();
        let whole = salvage.decode(self.registry(), ctl, &mut |mut stretch| {
            losses.note(&mut stretch);
            match stretch {
                Stretch::Sound(y) => writer.write(y),
                Stretch::Lost(lost) => writer.skip(lost.units),
            }
        })?;
        if header.format.kind() == MediaKind::Video && losses.recovered == 0 {
            return Err(Error::Format("no frame came back".into()));
        }
        losses.any = !whole;
        let (mut decoded, finished) = writer.end(&header)?;
        decoded.units = losses.recovered;
        decoded.losses = Some(losses);
        Ok((decoded, finished))
    }

    /// What the records of a file mean, which writing them needs.
    fn schema_for(&self, header: &Header, to: &Target<'_>) -> Result<Option<Schema>> {
        let Format::Records(format) = header.format else {
            return Ok(None);
        };
        let schema = match (self.schema_of(header.model), to) {
            (Ok(schema), _) => schema,
            // Without words for its rows a model still decodes them.
            (Err(Error::Model(nc_core::ModelFault::Wrong(_))), Target::Nothing) => return Ok(None),
            (Err(e), _) => return Err(e),
        };
        if schema.alphabets().len() as u64 != u64::from(format.variables) {
            return Err(Error::Format(
                "records of another number of variables".into(),
            ));
        }
        Ok(Some(schema))
    }

    /// Opens the output.
    fn create<'t>(
        &self,
        to: Target<'t>,
        input: Option<&Path>,
        settings: &DecodeSettings,
        format: &Format,
        mut options: CreateOptions<'_>,
    ) -> Result<Sink<'t>> {
        if let Some(sound) = &settings.sound {
            options = options.sound(sound);
        }
        options = options
            .overwrite(settings.overwrite)
            .strict(settings.strict);
        if let Some(input) = input {
            options = options.input(input);
        }
        match to {
            Target::Path(path) => {
                if settings.make_folders {
                    make_folder_of(&path)?;
                }
                nc_media::create(path, format, options).map(Sink::Media)
            }
            Target::Stream(w) => nc_media::create_stream(w, "-", format, options).map(Sink::Media),
            Target::Nothing => {
                // A folder of images is no stream; its pictures are decoded all the same.
                match nc_media::create_stream(std::io::sink(), "-", format, options) {
                    Err(e)
                        if format.kind() == MediaKind::Records
                            && matches!(e.cause(), Error::Usage(_)) =>
                    {
                        Ok(Sink::Nothing(0))
                    }
                    sink => sink.map(Sink::Media),
                }
            }
        }
    }
}

/// A track that was decoded, and its output, which has no name yet.
type Ended<'t> = (Decoded, Option<Finished<'t>>);

/// Gives outputs their names, all of them once all are whole; what is told of the first has the others beside it.
fn commit<'t>(all: impl IntoIterator<Item = Ended<'t>>) -> Result<Decoded> {
    let (all, outputs): (Vec<_>, Vec<_>) = all.into_iter().unzip();
    for output in outputs.into_iter().flatten() {
        output.commit()?;
    }
    let mut all = all.into_iter();
    let none = || Error::Internal("a decode of no track".into());
    let mut first = all.next().ok_or_else(none)?;
    first.beside = (1..)
        .zip(all)
        .map(|(track, decoded)| Beside {
            track,
            path: None,
            decoded,
        })
        .collect();
    Ok(first)
}

/// What takes decoded pieces.
enum Sink<'t> {
    Media(Writer<'t>),
    /// Units that came.
    Nothing(u64),
}

impl<'t> Sink<'t> {
    fn write(&mut self, piece: SignalBuf) -> Result<()> {
        match self {
            Self::Media(writer) => writer.write(piece.view()),
            Self::Nothing(units) => {
                *units += piece.units();
                Ok(())
            }
        }
    }

    fn skip(&mut self, units: Option<u64>) -> Result<()> {
        match self {
            Self::Media(writer) => writer.skip(units),
            Self::Nothing(_) => Ok(()),
        }
    }

    fn add_metadata(&mut self, metadata: &[nc_core::Meta]) -> Result<()> {
        match self {
            Self::Media(writer) => writer.add_metadata(metadata),
            Self::Nothing(_) => Ok(()),
        }
    }

    fn end(self, header: &Header) -> Result<Ended<'t>> {
        let (bytes, units, warnings, finished) = match self {
            Self::Media(writer) => {
                let (written, finished) = writer.end()?;
                let Written {
                    bytes,
                    units,
                    warnings,
                    ..
                } = written;
                (bytes, units, warnings, Some(finished))
            }
            Self::Nothing(units) => (0, units, Vec::new(), None),
        };
        let decoded = Decoded {
            format: header.format,
            bytes,
            units,
            hashed: header.hashed,
            warnings,
            losses: None,
            beside: Vec::new(),
        };
        Ok((decoded, finished))
    }
}

/// Columns that are asked for, and their variables.
fn only(
    settings: &DecodeSettings,
    schema: Option<&Schema>,
) -> Result<Option<(Vec<usize>, Vec<usize>)>> {
    if settings.only.is_empty() {
        return Ok(None);
    }
    let schema = schema
        .filter(|s| s.columns().is_some())
        .ok_or_else(|| Error::Usage("columns are for files of tables".into()))?;
    let (mut columns, mut variables) = (Vec::new(), Vec::new());
    for name in &settings.only {
        let (column, its) = schema.column(name)?;
        columns.push(column);
        variables.extend(its);
    }
    Ok(Some((columns, variables)))
}
