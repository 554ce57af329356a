//! Finding a codec by name, number or kind of media, with the model that it needs.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{
    Budget, Codec, CodecEntry, CodecId, Error, MediaKind, Model, ModelId, Opener, Registry, Result,
};

/// A codec that was opened, and for what.
type Kept = (CodecId, Option<ModelId>, Arc<dyn Codec>);

impl Registry {
    /// The codec of this name.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is none.
    pub fn by_name(&self, name: &str) -> Result<&CodecEntry> {
        self.entries
            .iter()
            .find(|e| e.info.name == name)
            .ok_or_else(|| {
                let names: Vec<_> = self.entries.iter().map(|e| e.info.name).collect();
                Error::Usage(format!("no codec {name}; there are {}", names.join(", ")))
            })
    }

    /// The codec preferred for this kind of media.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the build has none.
    pub fn by_kind(&self, kind: MediaKind) -> Result<&CodecEntry> {
        let entry = self.entries.iter().find(|e| e.info.kind == kind);
        entry.ok_or_else(|| Error::Unsupported(format!("no codec for {kind:?} in this build")))
    }

    /// The codec of this number.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the build does not have it.
    pub fn by_id(&self, id: CodecId) -> Result<&CodecEntry> {
        let entry = self.entries.iter().find(|e| e.info.id == id);
        entry.ok_or_else(|| {
            Error::Unsupported(format!("codec number {} is not in this build", id.0))
        })
    }

    /// Opens a codec for encoding, with `model` or the build's own.
    ///
    /// # Errors
    /// [`Error::Model`] where it needs one and there is none.
    pub fn open_for_encoding(
        &self,
        entry: &CodecEntry,
        model: Option<&Model>,
    ) -> Result<Box<dyn Codec>> {
        match (model, entry.default_model) {
            (Some(m), _) => (entry.open)(Some(m)),
            (None, Some(bytes)) => {
                let m = Model::from_bytes(bytes, &mut Budget::default())?;
                (entry.open)(Some(&m))
            }
            (None, None) => (entry.open)(None),
        }
    }

    /// An opener for decoding that also knows `models` beside the build's own.
    ///
    /// It keeps the codec that it opened last: to open one, and pack its model, takes longer than to decode a small file.
    pub fn opener(&self, models: Vec<Model>) -> impl Opener + '_ {
        let kept: Mutex<Option<Kept>> = Mutex::default();
        move |id: CodecId, need: Option<ModelId>| -> Result<Box<dyn Codec>> {
            // A panic elsewhere leaves what was kept whole.
            let lock = || kept.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, _, codec)) = lock().as_ref().filter(|k| (k.0, k.1) == (id, need)) {
                return Ok(Box::new(codec.clone()));
            }
            let codec: Arc<dyn Codec> = self.open_for_decoding(&models, id, need)?.into();
            *lock() = Some((id, need, codec.clone()));
            Ok(Box::new(codec))
        }
    }

    fn open_for_decoding(
        &self,
        models: &[Model],
        id: CodecId,
        need: Option<ModelId>,
    ) -> Result<Box<dyn Codec>> {
        let entry = self.by_id(id)?;
        let Some(need) = need else {
            return (entry.open)(None);
        };
        if let Some(m) = models.iter().find(|m| m.id == need) {
            return (entry.open)(Some(m));
        }
        if let Some(bytes) = entry.default_model.filter(|b| ModelId::of(b) == need) {
            return (entry.open)(Some(&Model::from_bytes(bytes, &mut Budget::default())?));
        }
        Err(Error::Model(
            format!("the file needs model {need}, which is not at hand; give it with --model FILE")
                .into(),
        ))
    }
}
