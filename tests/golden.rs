//! Files of earlier versions decode to the same bits for ever; faulty ones are refused.
#![cfg(all(
    feature = "circuit",
    feature = "grvq",
    feature = "nerv",
    feature = "store"
))]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

use nc_core::{Budget, Model, Registry};
use nc_corpora::golden;

fn corpora(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpora")
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

/// The build's, with the golden models.
fn registry() -> Registry {
    files(&corpora("golden"), "ncm")
        .into_iter()
        .map(|p| Model::from_bytes(std::fs::read(p).unwrap(), &mut Budget::default()).unwrap())
        .fold(nc::registry(), Registry::with_model)
}

#[test]
fn golden_files_decode_to_the_same_bits() {
    let folder = corpora("golden");
    let registry = registry();
    type Of = fn(&[u8], &dyn nc_core::Opener) -> nc_core::Result<String>;
    for (list, of) in [
        ("golden.sha256", golden::output as Of),
        ("symbols.sha256", golden::symbols),
    ] {
        let list = golden::list(&folder.join(list)).unwrap();
        for (name, hash) in &list {
            let file = std::fs::read(folder.join(name)).unwrap();
            let got = of(&file, &registry).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(got, *hash, "{name}");
        }
        let listed: Vec<PathBuf> = list.keys().map(|name| folder.join(name)).collect();
        assert_eq!(listed, files(&folder, "nc"), "every golden file is listed");
    }
}

#[test]
fn faulty_files_are_refused_for_what_is_wrong_with_them() {
    let folder = corpora("faulty");
    let registry = registry();
    let list = golden::list(&folder.join("errors.txt")).unwrap();
    for (name, kind) in &list {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let found = golden::refused(name, &bytes, &registry);
        assert_eq!(
            found.as_ref().map(golden::kind),
            Some(kind.as_str()),
            "{name}"
        );
    }
    let listed: Vec<PathBuf> = list.keys().map(|name| folder.join(name)).collect();
    let mut all = files(&folder, "nc");
    all.extend(files(&folder, "ncm"));
    all.sort();
    assert_eq!(listed, all, "every faulty file is listed");
}
