//! Files of earlier versions decode to the same bits for ever; faulty ones are refused.
#![cfg(all(
    feature = "circuit",
    feature = "grvq",
    feature = "nerv",
    feature = "store"
))]
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]

mod common;

use std::path::PathBuf;

use common::{corpora, files, registry};
use nc_corpora::golden;

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
