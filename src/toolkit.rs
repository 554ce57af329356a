//! The toolkit: codecs, models, threads and a limit of memory, which all that is done with it shares.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use nc_core::registry::Metadata;
use nc_core::tracks::{Track, Tracks};
use nc_core::{
    AnyCodec, Budget, CodecInfo, Control, Error, Family, Format, Goal, MediaKind, Model,
    ModelFault, ModelId, Options, Registry, Result, Signal, SignalBuf, Threads,
};
use nc_media::records::Schema;

use crate::{Settings, TrackChoice};

/// Where a model file keeps what its records mean.
pub(crate) const SCHEMA: &str = "records";

/// What encodes and decodes: the codecs of a build, models, a pool of threads and a limit of memory.
///
/// One toolkit serves many files and threads; a codec is opened once. It works in a child process after `fork`, too.
///
/// ```
/// # fn main() -> nc::Result<()> {
/// let nc = nc::Toolkit::new().with_memory(256 << 20);
/// let file = nc.encode(nc::Signal::Bytes(b"as it is"), nc::Format::Bytes, &nc::Settings::new().codec("store"))?;
/// assert_eq!(nc.decode(&file)?, nc::SignalBuf::Bytes(b"as it is".to_vec()));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Toolkit {
    registry: Registry,
    threads: Threads,
    memory: u64,
    cancel: Option<Arc<AtomicBool>>,
}

impl Default for Toolkit {
    fn default() -> Self {
        Self::new()
    }
}

impl Toolkit {
    /// All codecs of the build, a thread per core, 1 GiB.
    pub fn new() -> Self {
        Self::with_registry(crate::registry())
    }

    /// The codecs of a registry.
    pub fn with_registry(registry: Registry) -> Self {
        Self {
            registry,
            threads: Threads::default(),
            memory: Budget::DEFAULT,
            cancel: None,
        }
    }

    /// Adds a codec of one's own; those of the build are preferred.
    #[must_use]
    pub fn with(mut self, family: impl Family + 'static) -> Self {
        self.registry = self.registry.with(family);
        self
    }

    /// A pool of so many threads; 0 is one per core.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = Threads::new(threads);
        self.registry.set_threads(self.threads.clone());
        self
    }

    /// Memory that each file may claim, in bytes: in encoding once for reading it, once for what waits to be coded and once
    /// for coding it.
    #[must_use]
    pub fn with_memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// A flag that stops all work with [`Error::Cancelled`] once it is true.
    #[must_use]
    pub fn with_cancel(mut self, flag: Arc<AtomicBool>) -> Self {
        self.cancel = Some(flag);
        self
    }

    /// Adds a model that files may ask for.
    #[must_use]
    pub fn with_model(mut self, model: Model) -> Self {
        self.registry.add_model(model);
        self
    }

    /// Adds a model that files may ask for.
    pub fn add_model(&mut self, model: Model) {
        self.registry.add_model(model);
    }

    /// Reads a model file.
    ///
    /// # Errors
    /// [`Error::Model`] where it is none, [`Error::Limit`], [`Error::Io`].
    pub fn read_model(&self, path: impl AsRef<Path>) -> Result<Model> {
        let mut budget = self.budget();
        let bytes = budget.read(File::open(path)?, u64::MAX)?;
        // It charges them itself.
        budget.release(bytes.len() as u64);
        Model::from_bytes(bytes, &mut budget)
    }

    /// The codecs.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The pool of threads.
    pub fn threads(&self) -> &Threads {
        &self.threads
    }

    /// A budget of the memory that a file may claim.
    pub fn budget(&self) -> Budget {
        Budget::new(self.memory)
    }

    /// What is handed into long calls: the toolkit's threads and its flag. Progress can be added to it.
    pub fn control<'a>(&self) -> Control<'a> {
        Control {
            cancel: self.cancel.clone(),
            threads: self.threads.clone(),
            budget: self.budget(),
            ..Control::default()
        }
    }

    /// Encodes a whole signal into a file in memory.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the build has no codec for it; those of the codec.
    pub fn encode(&self, x: Signal<'_>, format: Format, settings: &Settings) -> Result<Vec<u8>> {
        let mut ctl = self.control();
        let mut encoder = self.encoder(Vec::new(), format, Some(x.units()), settings, &mut ctl)?;
        encoder.push(x, &mut ctl)?;
        Ok(encoder.finish(&mut ctl)?.0)
    }

    /// Decodes a whole file from memory.
    ///
    /// # Errors
    /// [`Error::Format`] for damage, [`Error::Model`] where a model is missing, [`Error::Limit`].
    pub fn decode(&self, file: &[u8]) -> Result<SignalBuf> {
        let mut ctl = self.control();
        let mut held = self.budget();
        let mut decoder = self.decoder(file)?;
        let mut all = decoder.header().format.empty();
        while let Some(piece) = decoder.next(&mut ctl)? {
            held.charge(piece.memory())?;
            all.append(piece)?;
        }
        Ok(all)
    }

    /// A streaming encoder into `w`; what the settings ask of the codec goes into `ctl`, which is to be handed into its
    /// calls.
    ///
    /// # Errors
    /// As for [`Self::encode`].
    pub fn encoder<W: std::io::Write>(
        &self,
        w: W,
        format: Format,
        length: Option<u64>,
        settings: &Settings,
        ctl: &mut Control<'_>,
    ) -> Result<nc_core::Encoder<W>> {
        let (family, codec) = self.codec_for(format.kind(), settings)?;
        let goal = self.goal(family, &format, settings);
        ctl.effort = settings.effort;
        ctl.time_limit = settings.time_limit;
        ctl.options = self.options_of(family.info(), settings)?;
        ctl.checkpoints = settings.checkpoints.clone();
        ctl.resume = settings.resume;
        ctl.seed = settings.seed;
        let mut encoder = nc_core::Encoder::new(w, &codec, format, length, goal)?;
        encoder.set_budget(&self.budget());
        Ok(encoder)
    }

    /// The options that a codec takes of those given. Where a codec is asked for by name, all are for it; else what is for
    /// other codecs is passed over, for files of several kinds may be encoded with the same settings.
    fn options_of(&self, info: &CodecInfo, settings: &Settings) -> Result<Options> {
        let mut own = Options::new();
        for (name, value) in settings.options.iter() {
            let takes = |info: &CodecInfo| info.options.iter().any(|o| o.name == name);
            let others = || self.registry.families().any(|f| takes(f.info()));
            if takes(info) || settings.codec.is_some() || !others() {
                own.set(name, value);
            }
        }
        own.check(info.name, info.options)?;
        Ok(own)
    }

    /// A streaming decoder of an nc file.
    ///
    /// # Errors
    /// As for [`Self::decode`].
    pub fn decoder<R: std::io::Read>(&self, r: R) -> Result<nc_core::Decoder<R>> {
        nc_core::Decoder::new(r, &self.registry, self.budget())
    }

    /// A file that can be read in any order; of one of several tracks the first.
    ///
    /// # Errors
    /// [`Error::Format`] for damage, [`Error::Limit`], [`Error::Io`].
    pub fn open(&self, path: impl AsRef<Path>) -> Result<crate::Archive<'_, Track<File>>> {
        self.open_track(path, TrackChoice::Number(0))
    }

    /// A track that can be read in any order.
    ///
    /// # Errors
    /// As for [`Self::open`]; [`Error::Usage`] where there is no such track.
    pub fn open_track(
        &self,
        path: impl AsRef<Path>,
        track: TrackChoice,
    ) -> Result<crate::Archive<'_, Track<File>>> {
        let tracks = Tracks::open(File::open(path)?, self.budget())?;
        let number = match track {
            TrackChoice::Number(number) => number,
            TrackChoice::Kind(_) => track.among(&crate::tracks::formats(&tracks)?)?,
        };
        crate::Archive::new(self, tracks.track(number)?)
    }

    /// The codec that a signal of this kind is coded by.
    pub(crate) fn codec_for(
        &self,
        kind: MediaKind,
        settings: &Settings,
    ) -> Result<(&dyn Family, AnyCodec)> {
        let family = match self.named(settings)? {
            Some(family) => family,
            None if settings.goal == Some(Goal::Exact) => self.registry.by_kind_exact(kind)?,
            None => self.registry.by_kind(kind)?,
        };
        let codec = self
            .registry
            .open_for_encoding(family, settings.model.as_ref())?;
        Ok((family, codec))
    }

    /// The codec that is asked for: by name, or by the model of a codec for records, which alone says what its input is.
    pub(crate) fn named(&self, settings: &Settings) -> Result<Option<&dyn Family>> {
        if let Some(name) = &settings.codec {
            return self.registry.by_name(name).map(Some);
        }
        let of_model = (settings.model.as_ref()).and_then(|m| self.registry.of_model(m).ok());
        Ok(of_model.filter(|f| f.info().kind == MediaKind::Records))
    }

    pub(crate) fn goal(&self, family: &dyn Family, format: &Format, settings: &Settings) -> Goal {
        settings.goal.unwrap_or_else(|| family.default_goal(format))
    }

    /// What the records of a model mean.
    ///
    /// # Errors
    /// [`Error::Model`] where it does not say.
    pub fn schema(model: &Model) -> Result<Schema> {
        schema_in(model.metadata())
    }

    /// The same, of the model of this id, which must be at hand.
    pub(crate) fn schema_of(&self, id: Option<ModelId>) -> Result<Schema> {
        let none = || Error::Format("records without a model".into());
        let id = id.ok_or_else(none)?;
        let metadata = self.registry.metadata(id);
        schema_in(&*metadata.ok_or(Error::Model(ModelFault::Missing(id)))?)
    }
}

fn schema_in(metadata: &Metadata) -> Result<Schema> {
    let silent = || Error::Model("the model does not say what its records mean".into());
    Schema::from_json(metadata.get(SCHEMA).ok_or_else(silent)?)
}
