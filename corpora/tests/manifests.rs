//! The committed manifests are whole, and say what they should of what training may see.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

use std::path::{Path, PathBuf};

use nc_corpora::manifest::{
    Entry, Fault, HeldOut, Manifest, Source, archives, built_in, check, entries,
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests")
}

fn all() -> Vec<(Manifest, Vec<Entry>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "toml") && !path.ends_with("heldout.toml") {
            let one = Manifest::open(&path).unwrap();
            assert_eq!(one.0.name, path.file_stem().unwrap().to_str().unwrap());
            found.push(one);
        }
    }
    found
}

#[test]
fn every_manifest_says_where_from_under_which_licence_and_by_which_hashes() {
    let sets = all();
    assert!(sets.len() >= 24);
    for (set, files) in &sets {
        let name = &set.name;
        match &set.source {
            Source::Repository {
                repository,
                revision,
            } => {
                assert_eq!(revision.len(), 40, "{name}");
                assert!(set.obtain.contains(&revision[..7]), "{name}");
                assert!(set.obtain.contains(repository), "{name}");
                assert!(!files.is_empty(), "{name}");
            }
            Source::Page { page } => assert!(page.starts_with("http"), "{name}"),
        }
        for text in [&set.licence, &set.licence_source, &set.about, &set.obtain] {
            assert!(!text.is_empty(), "{name}");
        }
        assert!(files.windows(2).all(|w| w[0].path < w[1].path), "{name}");
        // Hashes that nobody here computed have a source, and a set without any says so.
        assert_eq!(
            set.archive.is_empty(),
            set.hashes_source.is_none(),
            "{name}"
        );
        let archives = archives(set);
        for a in &archives {
            let line = format!("{}  {}\n", a.sha256, a.path);
            assert_eq!(entries(&line).unwrap(), std::slice::from_ref(a), "{name}");
        }
        if files.is_empty() && archives.is_empty() {
            assert!(set.obtain.contains("No hashes are published"), "{name}");
        }
    }
}

#[test]
fn what_is_built_in_is_what_lies_in_the_folder() {
    let mut sets = all();
    sets.sort_by(|a, b| a.0.name.cmp(&b.0.name));
    assert_eq!(built_in().unwrap(), sets);
}

#[test]
fn held_out_parts_exist_and_are_never_trainable() {
    let sets = all();
    let held = HeldOut::open(&folder().join("heldout.toml")).unwrap();
    for part in &held.part {
        let (set, files) = sets
            .iter()
            .find(|(s, _)| s.source.repository() == Some(&part.repository))
            .unwrap_or_else(|| panic!("no manifest of {}", part.repository));
        let hit: Vec<&Entry> = files
            .iter()
            .filter(|f| f.path.starts_with(&part.prefix))
            .collect();
        assert!(hit.len() >= 40, "{}: {} files", part.prefix, hit.len());
        assert!(hit.iter().all(|f| !set.trainable(&held, &f.path)));
    }
    let trainable = |repository: &str| {
        let (set, files) = sets
            .iter()
            .find(|(s, _)| s.source.repository() == Some(repository))
            .unwrap();
        files
            .iter()
            .filter(|f| set.trainable(&held, &f.path))
            .count()
    };
    assert_eq!(trainable("rhasspy/dataset-voice-nathalie"), 0);
    assert_eq!(trainable("rhasspy/dataset-voice-kathleen"), 1620);
    // Less the Spanish files and those under a non-commercial licence.
    assert_eq!(
        trainable("MycroftAI/Precise-Community-Data"),
        1397 - 98 - 48 - 383
    );
}

#[test]
fn a_folder_is_checked_by_hash() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a"), "abc").unwrap();
    std::fs::write(dir.path().join("b"), "abd").unwrap();
    // SHA-256 of "abc", FIPS 180-4.
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let list = entries(&format!("{abc}  a\n{abc}  b\n{abc}  sub/c d\n")).unwrap();
    assert_eq!(
        check(&list, dir.path()),
        [
            ("b".into(), Fault::Differs),
            ("sub/c d".into(), Fault::Missing)
        ]
    );
    assert!(entries("abc  a").is_err());
    assert!(entries(&abc.to_uppercase()).is_err());
}
