//! The fuzz targets: each panics where its property does not hold.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod decode;
mod inputs;
mod model;
mod round_trip;

mod signals;

use std::sync::LazyLock;

use anyhow::Result;
use nc_core::{CodecId, Family, Header};

use crate::corpus;
use crate::opener::REGISTRY;

/// What tries an input.
type Run = Box<dyn Fn(&[u8]) + Send + Sync>;
/// Inputs by name.
type Named = Vec<(String, Vec<u8>)>;

/// A property of any bytes.
pub struct Target {
    /// Name on the command line.
    pub name: String,
    /// What holds for every input.
    pub property: String,
    run: Run,
    /// Which files of `corpora/golden` and `corpora/faulty` are seeds.
    seeds: Seeds,
    /// Longest input that a fuzzer makes, bytes: what a long file shows, a short one shows many times a second. The tests
    /// replay the longer seeds too.
    pub longest: usize,
    /// Whether inputs are nc files, whose checksums a mutator has to mend.
    pub files: bool,
}

/// Which files are seeds.
#[derive(Clone, Copy)]
enum Seeds {
    /// None, but those that this makes.
    Made(fn() -> Result<Named>),
    /// All nc files.
    Files,
    /// Those of a codec, as far as their models are golden too.
    Of(CodecId),
    /// Short golden ones of a codec, for their bytes alone.
    Bytes(CodecId),
}

/// All targets: those of the container, of models and of inputs, and two for each codec of the registry.
pub static TARGETS: LazyLock<Vec<Target>> = LazyLock::new(|| {
    let mut all = vec![Target::plain(
        "container",
        "any bytes: a file is refused or decoded within the budget, and to the same by all readers",
        decode::container,
        Seeds::Files,
    )];
    all.extend(REGISTRY.families().map(of_files));
    let model = Target::plain(
        "model",
        "any bytes as a model, and as the header of one: every codec refuses or opens it, within the budget",
        model::any_or_header,
        Seeds::Made(model::headers),
    );
    all.push(Target {
        longest: 8192,
        ..model
    });
    all.extend(REGISTRY.families().map(round_trip));
    all.extend(inputs::TARGETS.map(|(name, property, run, seeds)| {
        Target::plain(name, property, run, Seeds::Made(seeds))
    }));
    all
});

fn of_files(family: &dyn Family) -> Target {
    let (id, name) = (family.info().id, family.info().name);
    Target {
        name: name.into(),
        property: format!(
            "as container, of files of {name}; every SIMD level and thread count gives the same bits"
        ),
        run: Box::new(move |data| decode::file(data, id.0)),
        seeds: Seeds::Of(id),
        longest: 2048,
        files: true,
    }
}

fn round_trip(family: &dyn Family) -> Target {
    let (id, info) = (family.info().id, family.info());
    let comes_back = match info.lossless {
        true => "comes back",
        false => "decodes to as many units, at every SIMD level to the same",
    };
    Target {
        name: format!("round-trip-{}", info.name),
        property: format!("any signal of {} {comes_back}", info.kind),
        run: Box::new(move |data| round_trip::any(data, id)),
        seeds: Seeds::Bytes(id),
        longest: 2048,
        files: false,
    }
}

impl Target {
    fn plain(name: &str, property: &str, run: fn(&[u8]), seeds: Seeds) -> Self {
        Self {
            name: name.into(),
            property: property.into(),
            run: Box::new(run),
            seeds,
            longest: 2048,
            files: matches!(seeds, Seeds::Files),
        }
    }

    /// The target of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|t| t.name == name)
    }

    /// Panics where the property does not hold of an input.
    pub fn run(&self, data: &[u8]) {
        (self.run)(data);
    }

    /// Name and bytes of each seed, and of each input that once broke the property (`corpora/crashes/NAME`).
    ///
    /// # Errors
    /// I/O.
    pub fn seeds(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let mut seeds = match self.seeds {
            Seeds::Made(made) => made()?,
            _ => Vec::new(),
        };
        let models: Vec<_> = corpus::models()?.iter().map(|m| m.id).collect();
        for folder in ["golden", "faulty"] {
            for path in corpus::files(&corpus::folder(folder))? {
                if path.extension().is_none_or(|e| e != "nc") {
                    continue;
                }
                let bytes = std::fs::read(&path)?;
                let header = Header::from_bytes(&bytes).ok();
                let of = |id| header.is_some_and(|h| h.codec == id);
                let known = header.is_some_and(|h| h.model.is_none_or(|id| models.contains(&id)));
                let is = match self.seeds {
                    Seeds::Made(_) => false,
                    Seeds::Files => true,
                    Seeds::Of(id) => of(id) && (known || folder == "faulty"),
                    Seeds::Bytes(id) => {
                        of(id) && known && folder == "golden" && bytes.len() <= self.longest
                    }
                };
                if is {
                    seeds.push((corpus::name(&path), bytes));
                }
            }
        }
        for path in corpus::files(&corpus::folder("crashes").join(&self.name))? {
            seeds.push((corpus::name(&path), std::fs::read(&path)?));
        }
        Ok(seeds)
    }
}
