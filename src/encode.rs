//! Files of media to nc files.

use std::path::{Path, PathBuf};

use nc_core::{Control, Error, Format, MediaKind, ModelId, Result, Summary};
use nc_media::output::Output;
use nc_media::{OpenOptions, Reader, Warning, code};

use crate::endpoint::{make_folder_of, seekable};
use crate::{DecodeSettings, Settings, Source, Target, Toolkit};

/// What an encode gave.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Encoded {
    /// Form of the signal.
    pub format: Format,
    /// Name of the codec.
    pub codec: &'static str,
    /// The model that decoding needs, if any.
    pub model: Option<ModelId>,
    /// Bytes, units and chunks of the file.
    pub summary: Summary,
    /// Whether the file was decoded again and found to be right.
    pub verified: bool,
    /// What was odd about the input, or is not kept.
    pub warnings: Vec<Warning>,
}

impl Encoded {
    /// Length in seconds, where the signal has time.
    pub fn seconds(&self) -> Option<f64> {
        self.format.seconds(self.summary.units)
    }

    /// Rate of the whole file in kbit/s, where there is any time.
    pub fn kbps(&self) -> Option<f64> {
        kbps(self.summary.bytes, self.seconds())
    }
}

/// Rate of a whole file in kbit/s, where there is any time.
pub(crate) fn kbps(bytes: u64, seconds: Option<f64>) -> Option<f64> {
    let seconds = seconds.filter(|&s| s > 0.0)?;
    Some(bytes as f64 * 8.0 / seconds / 1000.0)
}

impl Toolkit {
    /// Encodes a file or a folder of images, or a stream.
    ///
    /// # Errors
    /// [`Error::Usage`] for what makes no sense or an output that exists, [`Error::Format`] for a damaged input,
    /// [`Error::Unsupported`] for what this build does not take, [`Error::Model`], [`Error::Limit`], [`Error::Io`].
    /// Nothing is left behind then.
    pub fn encode_file<'t>(
        &self,
        from: impl Into<Source>,
        to: impl Into<Target<'t>>,
        settings: &Settings,
    ) -> Result<Encoded> {
        self.encode_file_with(from, to, settings, &mut self.control())
    }

    /// The same, with a control: progress, cancellation.
    ///
    /// # Errors
    /// As for [`Self::encode_file`].
    pub fn encode_file_with<'t>(
        &self,
        from: impl Into<Source>,
        to: impl Into<Target<'t>>,
        settings: &Settings,
        ctl: &mut Control<'_>,
    ) -> Result<Encoded> {
        let source = from.into();
        let input = source.path().map(Path::to_path_buf);
        let reader = self.open_media(source, settings)?;
        let out = self.output(
            to.into(),
            input.as_deref(),
            settings.overwrite,
            settings.make_folders,
        )?;
        let out = match settings.strict {
            true => out.held()?,
            false => out,
        };
        self.encode_media(reader, out, settings, ctl)
    }

    /// Opens what is to be encoded: as what the codec that is asked for takes, or as what it is.
    ///
    /// # Errors
    /// Those of [`nc_media::open`].
    pub fn open_media(&self, source: impl Into<Source>, settings: &Settings) -> Result<Reader> {
        let mut options = OpenOptions::new().budget(self.budget());
        let kind = self.named(settings)?.map(|f| f.info().kind);
        if let Some(kind) = kind {
            options = options.kind(kind);
        }
        if kind == Some(MediaKind::Records) {
            let none = || {
                Error::Model("records need the model they are coded by".into())
                    .coded(code::NO_SCHEMA)
            };
            options = options.schema(Self::schema(settings.model.as_ref().ok_or_else(none)?)?);
        }
        if let Some(rate) = settings.frame_rate {
            options = options.rate(rate);
        }
        let reader = match source.into() {
            Source::Path(path) => nc_media::open(path, &options)?,
            Source::Stream(stream) => nc_media::open_stream(stream, &options)?,
        };
        if kind.is_none() && reader.format() == Format::Bytes {
            let why = "not an audio file that nc can read, nor video, nor an image";
            return Err(Error::Usage(why.into()).coded(code::NOT_VIDEO));
        }
        Ok(reader)
    }

    /// Encodes what was opened.
    ///
    /// # Errors
    /// As for [`Self::encode_file`].
    pub fn encode_media(
        &self,
        mut reader: Reader,
        mut out: Output<'_>,
        settings: &Settings,
        ctl: &mut Control<'_>,
    ) -> Result<Encoded> {
        let format = reader.format();
        let (family, codec) = self.codec_for(format.kind(), settings)?;
        let info = family.info();
        let mut encoder = self.encoder(&mut out, format, reader.length(), settings, ctl)?;
        loop {
            for meta in reader.take_metadata() {
                encoder.add_meta(meta.tag, &meta.data);
            }
            match reader.next()? {
                Some(piece) => encoder.push(piece.view(), ctl)?,
                None => break,
            }
        }
        for meta in reader.take_metadata() {
            encoder.add_meta(meta.tag, &meta.data);
        }
        let (_, summary) = encoder.finish(ctl)?;
        let mut warnings = reader.warnings().to_vec();
        Warning::refuse(settings.strict, &warnings)?;
        if format.kind() == MediaKind::Video && summary.units == 0 {
            return Err(Error::Format("a video without a frame".into()));
        }
        if settings.verify {
            let none = || {
                Error::Usage("verifying needs an output that can be read back".into())
                    .coded(crate::NOT_READABLE)
            };
            let file = out.read_back()?.ok_or_else(none)?;
            let back = DecodeSettings::new().strict(settings.strict);
            warnings.extend(
                self.decode_archive(file, Target::Nothing, None, &back, ctl)?
                    .warnings,
            );
        }
        out.commit()?;
        ctl.clear_checkpoints();
        Ok(Encoded {
            format,
            codec: info.name,
            model: codec.model(),
            summary,
            verified: settings.verify,
            warnings,
        })
    }

    /// Lowers the rate of an nc file without decoding it to samples.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a codec without nested rates; those of reading and writing.
    pub fn trim_file<'t>(
        &self,
        from: impl Into<Source>,
        to: impl Into<Target<'t>>,
        settings: &Settings,
        ctl: &mut Control<'_>,
    ) -> Result<Encoded> {
        let none = || Error::Usage("no rate to trim to".into());
        let goal = settings.goal.ok_or_else(none)?;
        let source = from.into();
        let input = source.path().map(PathBuf::from);
        let mut archive = nc_core::Archive::open(seekable(source)?, self.budget())?;
        let header = *archive.header();
        let mut out = self.output(
            to.into(),
            input.as_deref(),
            settings.overwrite,
            settings.make_folders,
        )?;
        let (_, summary) = archive.trim(&mut out, self.registry(), goal, ctl)?;
        out.commit()?;
        let family = self.registry().by_id(header.codec)?;
        Ok(Encoded {
            format: header.format,
            codec: family.info().name,
            model: header.model,
            summary,
            verified: false,
            warnings: Vec::new(),
        })
    }

    /// Opens an output of bytes.
    pub(crate) fn output<'t>(
        &self,
        to: Target<'t>,
        input: Option<&Path>,
        overwrite: bool,
        make_folders: bool,
    ) -> Result<Output<'t>> {
        match to {
            Target::Path(path) => {
                if make_folders {
                    make_folder_of(&path)?;
                }
                Output::create(&path, input, overwrite)
            }
            Target::Stream(stream) => Ok(Output::stream(stream, "-")),
            Target::Nothing => Ok(Output::stream(std::io::sink(), "-")),
        }
    }
}
