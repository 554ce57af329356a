//! Files of earlier versions decode to the same bits for ever; faulty ones are refused.
#![cfg(all(
    feature = "circuit",
    feature = "grvq",
    feature = "nerv",
    feature = "store"
))]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

use nc::{Budget, Error, Model};
use nc_corpora::files::sha256;

fn corpora(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../corpora")
        .join(folder)
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let all = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path());
    let mut all: Vec<_> = all
        .filter(|p| p.extension().is_some_and(|e| e == extension))
        .collect();
    all.sort();
    all
}

fn decode(path: &Path) -> nc::Result<Vec<u8>> {
    let models = files(&corpora("golden"), "ncm")
        .into_iter()
        .map(|p| Model::from_bytes(std::fs::read(p).unwrap(), &mut Budget::default()).unwrap());
    let registry = nc_codecs::registry();
    let opener = registry.opener(models.collect());
    let bytes = std::fs::read(path).unwrap();
    Ok(nc::decode(&opener, &bytes, Budget::default())?.to_le_bytes())
}

#[test]
fn golden_files_decode_to_the_same_bits() {
    let folder = corpora("golden");
    let list = std::fs::read_to_string(folder.join("golden.sha256")).unwrap();
    let mut listed = Vec::new();
    for line in list.lines() {
        let (hash, name) = line.split_once("  ").unwrap();
        let out = decode(&folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        let got = sha256(&out);
        assert_eq!(got, hash, "{name}");
        listed.push(folder.join(name));
    }
    listed.sort();
    assert_eq!(listed, files(&folder, "nc"), "every golden file is listed");
}

#[test]
fn faulty_files_are_refused_for_what_is_wrong_with_them() {
    let folder = corpora("faulty");
    let list = std::fs::read_to_string(folder.join("errors.txt")).unwrap();
    let mut listed = Vec::new();
    for line in list.lines() {
        let (kind, name) = line.split_once("  ").unwrap();
        let path = folder.join(name);
        let found = if name.ends_with(".ncm") {
            open(&path).unwrap_err()
        } else {
            decode(&path).unwrap_err()
        };
        let found = match found {
            Error::Format(_) => "Format",
            Error::Unsupported(_) => "Unsupported",
            Error::Limit(_) => "Limit",
            Error::Model(_) => "Model",
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(found, kind, "{name}");
        listed.push(path);
    }
    listed.sort();
    let mut all = files(&folder, "nc");
    all.extend(files(&folder, "ncm"));
    all.sort();
    assert_eq!(listed, all, "every faulty file is listed");
}

/// Opens a model with the codec that it says it is of.
fn open(path: &Path) -> nc::Result<()> {
    let model = Model::from_bytes(std::fs::read(path).unwrap(), &mut Budget::default())?;
    let registry = nc_codecs::registry();
    let codec = model.meta("codec").unwrap_or_default().to_owned();
    let entry = registry.by_name(&codec);
    let entry = entry.map_err(|e| Error::Model(e.to_string()))?;
    (entry.open)(Some(&model)).map(drop)
}
