//! Codecs that are opened once: opening one packs its model, which costs more than decoding a small file.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use nc::circuit::CircuitCodec;
use nc::grvq::Grvq;
use nc_core::{Budget, Codec, CodecId, Error, Model, ModelId, Opener, Result};
use nc_kernels::{Kernels, Level};

type Opened = HashMap<(CodecId, Option<ModelId>), Arc<dyn Codec>>;

/// Opens codecs at one SIMD level and keeps them.
pub struct Kept {
    level: Level,
    models: Vec<Model>,
    /// Whether a model that is not at hand may be another of the codec's, so that an input need not name one.
    any_model: bool,
    opened: Mutex<Opened>,
}

impl Kept {
    /// Knows these models, and those built in.
    #[must_use]
    pub fn new(level: Level, models: Vec<Model>, any_model: bool) -> Self {
        Self {
            level,
            models,
            any_model,
            opened: Mutex::default(),
        }
    }

    fn fresh(&self, id: CodecId, need: Option<ModelId>) -> Result<Arc<dyn Codec>> {
        let registry = nc::registry();
        let entry = registry.by_id(id)?;
        let kernels = Kernels::new(self.level).map_err(|e| Error::Unsupported(e.to_string()))?;
        let of = |m: &&Model| m.meta("codec") == Some(entry.info.name);
        let mut model = self.models.iter().find(|m| Some(m.id) == need).cloned();
        if model.is_none() && self.any_model {
            model = self.models.iter().find(of).cloned();
        }
        if model.is_none()
            && let (Some(need), Some(bytes)) = (need, entry.default_model)
            && ModelId::of(bytes) == need
        {
            model = Some(Model::from_bytes(bytes, &mut Budget::default())?);
        }
        Ok(match (entry.info.name, model) {
            ("grvq", Some(m)) => Arc::new(Grvq::new(&m, kernels, &mut Budget::default())?),
            ("circuit", Some(m)) => Arc::new(CircuitCodec::new(&m, kernels)?),
            (_, model) => Arc::from((entry.open)(model.as_ref())?),
        })
    }
}

impl Opener for Kept {
    fn open(&self, id: CodecId, need: Option<ModelId>) -> Result<AnyCodec> {
        let held = |_| Error::Model("the lock is broken".into());
        if let Some(codec) = self.opened.lock().map_err(held)?.get(&(id, need)) {
            return Ok(Box::new(codec.clone()));
        }
        let codec = self.fresh(id, need)?;
        let mut opened = self.opened.lock().map_err(held)?;
        // Inputs that name a new model each time must not fill memory.
        if opened.len() < 64 {
            opened.insert((id, need), codec.clone());
        }
        Ok(Box::new(codec))
    }
}
