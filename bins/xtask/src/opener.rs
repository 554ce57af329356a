//! What the tests know of a codec beside what the registry tells: the one table of test openers.
//!
//! Everything here iterates over the registry. A codec without a row is opened by its family, with the golden models that
//! name it and the one that it has embedded; its signals are those of its kind of media.

#![allow(clippy::panic)]

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use nc::circuit::{CircuitCodec, Stored};
use nc::grvq::Grvq;
use nc_core::family::RecordsForm;
use nc_core::{
    AnyCodec, Budget, CodecId, Error, Family, MediaKind, Model, ModelId, Opener, Registry, Result,
};
use nc_kernels::{Kernels, Level};

use crate::corpus;

/// What is special about a codec.
pub struct Row {
    /// Its name.
    codec: &'static str,
    /// Opens it at a SIMD level, where that is chosen when it is opened.
    at: Option<fn(&Model, Kernels) -> Result<AnyCodec>>,
    /// What the records of a model are, where that is more than their alphabets.
    records: Option<fn(&Model) -> Result<RecordsForm>>,
    /// Whether it takes [`nc_core::Goal::Exact`] too, although it is not lossless.
    pub exact: bool,
    /// Options with which it takes no seconds.
    pub quick: &'static [(&'static str, &'static str)],
    /// Arguments with which the command line encodes, a file for each.
    pub commands: &'static [&'static [&'static str]],
    /// Arguments with which it learns from a small table in a second or two; none where it learns from no table.
    pub learns: &'static [&'static str],
}

/// Of a codec without a row.
const PLAIN: Row = Row {
    codec: "",
    at: None,
    records: None,
    exact: false,
    quick: &[],
    commands: &[&[]],
    learns: &[],
};

const ROWS: [Row; 3] = [
    Row {
        codec: "grvq",
        at: Some(|model, kernels| Ok(Grvq::new(model, kernels, &mut Budget::default())?.into())),
        commands: &[&["-b", "3"], &["-b", "6"]],
        ..PLAIN
    },
    Row {
        codec: "circuit",
        at: Some(|model, kernels| Ok(CircuitCodec::new(model, kernels)?.into())),
        records: Some(|model| {
            let stored = Stored::read(model)?;
            Ok(RecordsForm {
                alphabets: stored.circuit.alphabets().to_vec(),
                open: stored.open,
                ..RecordsForm::default()
            })
        }),
        commands: &[&[], &["--option", "group=1"]],
        learns: &["--epochs", "200", "--states", "24"],
        ..PLAIN
    },
    Row {
        codec: "nerv",
        exact: true,
        quick: &[("network", "none")],
        commands: &[
            &["--lossless"],
            &["--quality", "5", "--option", "network=none"],
        ],
        ..PLAIN
    },
];

/// The row of a codec.
#[must_use]
pub fn row(family: &dyn Family) -> &'static Row {
    let name = family.info().name;
    ROWS.iter().find(|r| r.codec == name).unwrap_or(&PLAIN)
}

/// The golden models and the codecs of the build.
///
/// # Panics
/// Where a golden model is no model any more.
pub static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let models = corpus::models().unwrap_or_else(|e| panic!("golden models: {e:#}"));
    models
        .into_iter()
        .fold(nc::registry(), Registry::with_model)
});

/// The name of the codec that keeps bytes as they are.
///
/// # Errors
/// Where the build has none.
pub fn of_bytes() -> Result<&'static str> {
    Ok(REGISTRY.by_kind(MediaKind::Bytes)?.info().name)
}

/// The golden models of a codec.
///
/// # Errors
/// I/O, and a golden model that cannot be read any more.
pub fn models_of(family: &dyn Family) -> anyhow::Result<Vec<Model>> {
    let mut models = corpus::models()?;
    models.retain(|m| m.meta("codec") == Some(family.info().name));
    Ok(models)
}

/// What records of the codec's first golden model are, or of eight variables where it has none.
pub fn records_of(family: &dyn Family) -> &'static RecordsForm {
    static FORMS: LazyLock<HashMap<CodecId, RecordsForm>> = LazyLock::new(|| {
        let forms = REGISTRY.families().map(|family| {
            let form = form_of(family).unwrap_or_else(|e| panic!("a golden model: {e:#}"));
            (family.info().id, form)
        });
        forms.collect()
    });
    static NONE: RecordsForm = RecordsForm {
        alphabets: Vec::new(),
        open: Vec::new(),
        ordered: Vec::new(),
        image: None,
        columns: Vec::new(),
        metadata: Vec::new(),
    };
    FORMS.get(&family.info().id).unwrap_or(&NONE)
}

fn form_of(family: &dyn Family) -> anyhow::Result<RecordsForm> {
    let models = models_of(family)?;
    let Some(model) = models.first() else {
        return Ok(RecordsForm {
            alphabets: vec![2, 256, 5, 3000, 17, 2, 300, 12],
            ..RecordsForm::default()
        });
    };
    if let Some(records) = row(family).records {
        return Ok(records(model)?);
    }
    let alphabets = family.questions(model)?.map(|q| q.alphabets());
    Ok(RecordsForm {
        alphabets: alphabets.unwrap_or_default(),
        ..RecordsForm::default()
    })
}

/// Opens codecs at one SIMD level and keeps them: opening one packs its model, which costs more than decoding a small
/// file. A model that is not at hand may be another of the codec's, so that an input need not name one.
pub struct Kept {
    level: Level,
    models: Vec<Model>,
    opened: Mutex<HashMap<(CodecId, Option<ModelId>), AnyCodec>>,
}

impl Kept {
    /// Knows the golden models, and those built in.
    ///
    /// # Errors
    /// I/O, and a golden model that cannot be read any more.
    pub fn new(level: Level) -> anyhow::Result<Self> {
        Ok(Self {
            level,
            models: corpus::models()?,
            opened: Mutex::default(),
        })
    }

    fn fresh(&self, id: CodecId, need: Option<ModelId>) -> Result<AnyCodec> {
        let family = REGISTRY.by_id(id)?;
        let kernels = Kernels::new(self.level).map_err(|e| Error::Unsupported(e.to_string()))?;
        let of = |m: &&Model| m.meta("codec") == Some(family.info().name);
        let mut model = self.models.iter().find(|m| Some(m.id) == need).cloned();
        let built_in = family.default_model();
        if model.is_none() && (need.is_none() || built_in.map(ModelId::of) != need) {
            model = self.models.iter().find(of).cloned();
        }
        if model.is_none()
            && let Some(bytes) = built_in
        {
            model = Some(Model::from_bytes(bytes, &mut Budget::default())?);
        }
        match (row(family).at, model) {
            (Some(at), Some(m)) => at(&m, kernels),
            (_, model) => family.open(model.as_ref()),
        }
    }
}

impl Opener for Kept {
    fn open(&self, id: CodecId, need: Option<ModelId>) -> Result<AnyCodec> {
        let opened = || self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(codec) = opened().get(&(id, need)) {
            return Ok(codec.clone());
        }
        let codec = self.fresh(id, need)?;
        let mut opened = opened();
        // Inputs that name a new model each time must not fill memory.
        if opened.len() < 64 {
            opened.insert((id, need), codec.clone());
        }
        Ok(codec)
    }
}

/// The fastest level and the scalar one.
pub static LEVELS: LazyLock<[Kept; 2]> = LazyLock::new(|| {
    [Level::best(), Level::Scalar]
        .map(|level| Kept::new(level).unwrap_or_else(|e| panic!("golden models: {e:#}")))
});

/// The codec with its first golden model at each of [`LEVELS`]; once, where its row opens it at none.
///
/// # Errors
/// Those of the codec.
pub fn at_levels(family: &dyn Family) -> Result<Vec<AnyCodec>> {
    let n = if row(family).at.is_some() {
        LEVELS.len()
    } else {
        1
    };
    let open = |kept: &Kept| kept.open(family.info().id, None);
    LEVELS.iter().take(n).map(open).collect()
}
