//! Finding a codec by name, number or kind of media, with the model that it needs.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::container::Header;
use crate::{
    AnyCodec, Budget, CodecId, Error, Family, MediaKind, Model, ModelFault, ModelId, Result,
    Threads,
};

/// Gives a decoder the codec that a file asks for.
pub trait Opener {
    /// The codec of this number, with this model.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a codec that the build does not have, [`Error::Model`] for a
    /// model that is not at hand.
    fn open(&self, codec: CodecId, model: Option<ModelId>) -> Result<AnyCodec>;
}

impl<F: Fn(CodecId, Option<ModelId>) -> Result<AnyCodec>> Opener for F {
    fn open(&self, codec: CodecId, model: Option<ModelId>) -> Result<AnyCodec> {
        self(codec, model)
    }
}

/// Opens the codec that `header` names, if it can read this bitstream.
pub(crate) fn open(header: &Header, opener: &dyn Opener) -> Result<AnyCodec> {
    let codec = opener.open(header.codec, header.model)?;
    let info = codec.info();
    if header.bitstream > info.bitstream {
        return Err(Error::Unsupported(format!(
            "{} bitstream {}, this program reads up to {}",
            info.name, header.bitstream, info.bitstream
        )));
    }
    if header.format.kind() != info.kind {
        return Err(Error::Format("media kind does not fit the codec".into()));
    }
    Ok(codec)
}

/// What a model says of itself.
pub type Metadata = BTreeMap<String, String>;

/// The codecs of a build, and the models at hand.
///
/// A codec is opened once with each model, and kept: to open one, and pack its model, takes longer than to decode a small
/// file.
#[derive(Default)]
pub struct Registry {
    families: Vec<Box<dyn Family>>,
    models: Vec<Model>,
    threads: Threads,
    opened: Mutex<HashMap<(CodecId, Option<ModelId>), AnyCodec>>,
    /// What models say of themselves: those added, and those that codecs were opened with.
    described: Mutex<HashMap<ModelId, Arc<Metadata>>>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.families().map(|f| f.info().name);
        f.debug_list().entries(names).finish()
    }
}

impl Registry {
    /// No codecs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a codec; of those of one kind of media the one added first is preferred.
    #[must_use]
    pub fn with(mut self, family: impl Family + 'static) -> Self {
        self.families.push(Box::new(family));
        self
    }

    /// Adds a model that files may ask for, beside those that are embedded.
    #[must_use]
    pub fn with_model(mut self, model: Model) -> Self {
        self.add_model(model);
        self
    }

    /// The pool that codecs are opened in; by default the common one.
    pub fn set_threads(&mut self, threads: Threads) {
        self.threads = threads;
    }

    /// As [`Self::with_model`].
    pub fn add_model(&mut self, model: Model) {
        self.describe(&model);
        self.models.push(model);
    }

    /// The model of this id, among those added.
    pub fn model(&self, id: ModelId) -> Option<&Model> {
        self.models.iter().find(|m| m.id == id)
    }

    /// What the model of this id says of itself, by key, where it was added or a codec was opened with it.
    pub fn metadata(&self, id: ModelId) -> Option<Arc<Metadata>> {
        self.described().get(&id).cloned()
    }

    fn describe(&self, model: &Model) {
        let mut all = self.described();
        (all.entry(model.id)).or_insert_with(|| Arc::new(model.metadata().clone()));
    }

    fn described(&self) -> MutexGuard<'_, HashMap<ModelId, Arc<Metadata>>> {
        // A thread that panicked here left what was kept whole.
        self.described
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// All codecs, in order of preference.
    pub fn families(&self) -> impl Iterator<Item = &dyn Family> {
        self.families.iter().map(Box::as_ref)
    }

    /// The codec of this name.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is none.
    pub fn by_name(&self, name: &str) -> Result<&dyn Family> {
        self.families()
            .find(|f| f.info().name == name)
            .ok_or_else(|| {
                let names: Vec<_> = self.families().map(|f| f.info().name).collect();
                Error::Usage(format!("no codec {name}; there are {}", names.join(", ")))
            })
    }

    /// The codec preferred for this kind of media.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the build has none.
    pub fn by_kind(&self, kind: MediaKind) -> Result<&dyn Family> {
        let family = self.families().find(|f| f.info().kind == kind);
        family.ok_or_else(|| Error::Unsupported(format!("no codec for {kind} in this build")))
    }

    /// The codec preferred for this kind of media where all of it is to come back: a lossless one where there is any.
    ///
    /// # Errors
    /// As for [`Self::by_kind`].
    pub fn by_kind_exact(&self, kind: MediaKind) -> Result<&dyn Family> {
        let mut families = self.families();
        let family = families.find(|f| f.info().kind == kind && f.info().lossless);
        family.map_or_else(|| self.by_kind(kind), Ok)
    }

    /// The codec of this number.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the build does not have it.
    pub fn by_id(&self, id: CodecId) -> Result<&dyn Family> {
        let family = self.families().find(|f| f.info().id == id);
        family.ok_or_else(|| {
            Error::Unsupported(format!("codec number {} is not in this build", id.0))
        })
    }

    /// The codec that learnt a model: the one that the model's metadata names.
    ///
    /// # Errors
    /// [`Error::Model`] where it names none of the build.
    pub fn of_model(&self, model: &Model) -> Result<&dyn Family> {
        let name = model.meta("codec").unwrap_or("no codec");
        let family = self.families().find(|f| f.info().name == name);
        family.ok_or_else(|| {
            Error::Model(format!("a model of {name}, which is not in this build").into())
        })
    }

    /// A codec for encoding, with `model` or the build's own.
    ///
    /// # Errors
    /// [`Error::Model`] where it needs one and there is none.
    pub fn open_for_encoding(
        &self,
        family: &dyn Family,
        model: Option<&Model>,
    ) -> Result<AnyCodec> {
        let id = family.info().id;
        match (model, family.default_model()) {
            (Some(m), _) => {
                self.describe(m);
                self.kept(id, Some(m.id), || family.open(Some(m)))
            }
            (None, Some(bytes)) => self.kept(id, Some(ModelId::of(bytes)), || {
                family.open(Some(&Model::from_bytes(bytes, &mut Budget::default())?))
            }),
            (None, None) => self.kept(id, None, || family.open(None)),
        }
    }

    fn kept(
        &self,
        codec: CodecId,
        model: Option<ModelId>,
        open: impl FnOnce() -> Result<AnyCodec> + Send,
    ) -> Result<AnyCodec> {
        let key = (codec, model);
        if let Some(codec) = self.opened().get(&key) {
            return Ok(codec.clone());
        }
        // Not under the lock: while a pool's thread waits for what it shared out, it takes up other work, which may come
        // here. Two that come at once open it twice, and the first one stays.
        let made = self.threads.run(open)??;
        Ok(self.opened().entry(key).or_insert(made).clone())
    }

    fn opened(&self) -> MutexGuard<'_, HashMap<(CodecId, Option<ModelId>), AnyCodec>> {
        // A thread that panicked here left what was kept whole.
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a codec with the model of this id: one added, or the one embedded.
    fn with_id(&self, family: &dyn Family, id: ModelId) -> Result<AnyCodec> {
        if let Some(m) = self.model(id) {
            return family.open(Some(m));
        }
        match family.default_model().filter(|b| ModelId::of(b) == id) {
            Some(bytes) => family.open(Some(&Model::from_bytes(bytes, &mut Budget::default())?)),
            None => Err(Error::Model(ModelFault::Missing(id))),
        }
    }
}

/// Also knows the models added.
impl Opener for Registry {
    fn open(&self, codec: CodecId, model: Option<ModelId>) -> Result<AnyCodec> {
        let family = self.by_id(codec)?;
        self.kept(codec, model, || match model {
            None => family.open(None),
            Some(id) => self.with_id(family, id),
        })
    }
}
