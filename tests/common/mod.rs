//! Golden and faulty files, and signals for every codec of the build: found, not listed.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    dead_code
)]

use std::path::{Path, PathBuf};

use nc_core::{Budget, Family, Format, Header, Model, Registry, SignalBuf};

/// A folder of `corpora/`.
pub fn corpora(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpora")
        .join(folder)
}

/// The files of a folder with this ending, by name.
pub fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let all = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path());
    let mut all: Vec<_> = all
        .filter(|p| p.extension().is_some_and(|e| e == extension))
        .collect();
    all.sort();
    all
}

/// Name and bytes of each nc file of a folder of `corpora/`.
pub fn all(folder: &str) -> Vec<(String, Vec<u8>)> {
    let name = |p: &PathBuf| p.file_name().unwrap().to_string_lossy().into_owned();
    let paths = files(&corpora(folder), "nc").into_iter();
    paths
        .map(|p| (name(&p), std::fs::read(&p).unwrap()))
        .collect()
}

/// The golden models.
pub fn models() -> Vec<Model> {
    files(&corpora("golden"), "ncm")
        .into_iter()
        .map(|p| Model::from_bytes(std::fs::read(p).unwrap(), &mut Budget::default()).unwrap())
        .collect()
}

/// The build's codecs, with the golden models.
pub fn registry() -> Registry {
    models()
        .into_iter()
        .fold(nc::registry(), Registry::with_model)
}

/// The longest golden file of a codec by a small model, which gives its threads most to do.
pub fn longest(registry: &Registry, family: &dyn Family) -> Vec<u8> {
    let models: Vec<_> = models().iter().map(|m| m.id).collect();
    let of = |file: &Vec<u8>| {
        let header = Header::from_bytes(file).unwrap();
        let small = header.model.is_none_or(|id| models.contains(&id));
        header.codec == family.info().id && small
    };
    let golden = all("golden").into_iter().map(|(_, file)| file);
    let longest = golden.filter(of).max_by_key(Vec::len);
    longest.unwrap_or_else(|| case(registry, family).file)
}

/// A codec with a model that it can be tried with, and a signal for it.
pub struct Case {
    pub codec: nc_core::AnyCodec,
    pub format: Format,
    pub signal: SignalBuf,
    pub file: Vec<u8>,
}

/// A file of a codec: its shortest golden one of any units; of a codec that has none, what it makes of another's signal
/// of its kind.
pub fn case(registry: &Registry, family: &dyn Family) -> Case {
    let mut files: Vec<_> = all("golden")
        .into_iter()
        .map(|(_, file)| (Header::from_bytes(&file).unwrap(), file))
        .filter(|(header, _)| header.format.kind() == family.info().kind)
        .filter(|(header, _)| header.length.is_none_or(|n| n > 10))
        .collect();
    files.sort_by_key(|(header, file)| (header.codec != family.info().id, file.len()));
    let (header, file) = files
        .into_iter()
        .next()
        .unwrap_or_else(|| panic!("no golden file of {}", family.info().kind));
    let signal = nc_core::decode(registry, &file, Budget::default()).unwrap();
    let (format, model) = (header.format, header.model);
    if header.codec == family.info().id {
        let codec = nc_core::Opener::open(registry, header.codec, model).unwrap();
        return Case {
            codec,
            format,
            signal,
            file,
        };
    }
    let name = Some(family.info().name);
    let models = models();
    let model = models.iter().find(|m| m.meta("codec") == name);
    let codec = registry.open_for_encoding(family, model).unwrap();
    let goal = family.default_goal(&format);
    let file = nc_core::encode(&codec, signal.view(), format, goal).unwrap();
    Case {
        codec,
        format,
        signal,
        file,
    }
}
