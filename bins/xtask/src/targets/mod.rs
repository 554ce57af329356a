//! The fuzz targets: each panics where its property does not hold.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod decode;
mod inputs;
mod model;
mod round_trip;

use anyhow::Result;

use crate::corpus;

/// A property of any bytes.
#[derive(Clone, Copy)]
pub struct Target {
    /// Name on the command line.
    pub name: &'static str,
    /// What holds for every input.
    pub property: &'static str,
    /// Panics where it does not hold.
    pub run: fn(&[u8]),
    /// Whether a file of `corpora/golden` or `corpora/faulty` is a seed.
    seed: fn(&str) -> bool,
    /// Longest input that a fuzzer makes, bytes: what a long file shows, a short one shows many times a second. The tests
    /// replay the longer seeds too.
    pub longest: usize,
    /// Whether inputs are nc files, whose checksums a mutator has to mend.
    pub files: bool,
}

/// All targets.
pub const TARGETS: [Target; 14] = [
    Target {
        name: "container",
        property: "any bytes: a file is refused or decoded within the budget, and to the same by all readers",
        run: decode::container,
        seed: |name| name.ends_with(".nc"),
        longest: 2048,
        files: true,
    },
    Target {
        name: "store",
        property: "as container, of files of store",
        run: |data| decode::file(data, 0),
        seed: |name| name.starts_with("store"),
        longest: 2048,
        files: true,
    },
    Target {
        name: "grvq",
        property: "as container, of files of grvq; every SIMD level and thread count gives the same bits",
        run: |data| decode::file(data, 1),
        seed: |name| name.starts_with("tiny") && name.ends_with(".nc"),
        longest: 2048,
        files: true,
    },
    Target {
        name: "circuit",
        property: "as container, of files of circuit; every SIMD level and thread count gives the same bits",
        run: |data| decode::file(data, 2),
        seed: |name| name.starts_with("circuit") && name.ends_with(".nc"),
        longest: 2048,
        files: true,
    },
    Target {
        name: "nerv",
        property: "as container, of files of nerv; every thread count gives the same bits",
        run: |data| decode::file(data, 3),
        seed: |name| name.starts_with("nerv"),
        longest: 2048,
        files: true,
    },
    Target {
        name: "model",
        property: "any bytes as a model, and as the header of one: every codec refuses or opens it, within the budget",
        run: model::any_or_header,
        seed: |_| false,
        longest: 8192,
        files: false,
    },
    Target {
        name: "round-trip-store",
        property: "bytes come back",
        run: round_trip::store,
        seed: |name| name == "store.nc",
        longest: 2048,
        files: false,
    },
    Target {
        name: "round-trip-grvq",
        property: "any samples at any rate and channels: the file decodes, at every SIMD level to the same",
        run: round_trip::grvq,
        seed: |name| name == "tiny-speech.nc",
        longest: 2048,
        files: false,
    },
    Target {
        name: "round-trip-circuit",
        property: "any records of a model's alphabets come back",
        run: round_trip::circuit,
        seed: |name| name == "circuit-70.nc",
        longest: 2048,
        files: false,
    },
    Target {
        name: "round-trip-nerv",
        property: "any small clip: lossless comes back, lossy decodes to frames of its size",
        run: round_trip::nerv,
        seed: |name| name == "nerv-raw.nc",
        longest: 2048,
        files: false,
    },
    Target {
        name: "wav",
        property: "any bytes as WAV: a typed error or samples, within the budget",
        run: inputs::wav,
        seed: |_| false,
        longest: 2048,
        files: false,
    },
    Target {
        name: "y4m",
        property: "any bytes as Y4M: a typed error or frames of the header's size, within the budget",
        run: inputs::y4m,
        seed: |_| false,
        longest: 2048,
        files: false,
    },
    Target {
        name: "png",
        property: "any bytes as PNG: a typed error or a picture, within the budget",
        run: inputs::png,
        seed: |_| false,
        longest: 2048,
        files: false,
    },
    Target {
        name: "records",
        property: "any bytes as records: a typed error or rows of the alphabets learnt, within the budget",
        run: inputs::records,
        seed: |name| name == "circuit-table.csv",
        longest: 2048,
        files: false,
    },
];

impl Target {
    /// The target of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|t| t.name == name)
    }

    /// Name and bytes of each seed, and of each input that once broke the property (`corpora/crashes/NAME`).
    ///
    /// # Errors
    /// I/O.
    pub fn seeds(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let mut seeds = match self.name {
            "wav" | "y4m" | "png" | "records" => inputs::seeds(self.name),
            "model" => model::headers()?,
            _ => Vec::new(),
        };
        let known = [corpus::folder("golden"), corpus::folder("faulty")];
        for path in known.iter().map(|f| corpus::files(f)) {
            for path in path? {
                if (self.seed)(&corpus::name(&path)) {
                    seeds.push((corpus::name(&path), std::fs::read(&path)?));
                }
            }
        }
        for path in corpus::files(&corpus::folder("crashes").join(self.name))? {
            seeds.push((corpus::name(&path), std::fs::read(&path)?));
        }
        Ok(seeds)
    }
}
