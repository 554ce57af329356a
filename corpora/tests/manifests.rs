//! The committed manifests are whole, and say what they should of what training may see.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};

use nc_corpora::manifest::{Entry, Fault, HeldOut, Manifest, check, entries};

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
fn every_manifest_has_a_revision_a_licence_and_a_list() {
    let sets = all();
    assert!(sets.len() >= 7);
    for (set, files) in sets {
        assert_eq!(set.revision.len(), 40, "{}", set.name);
        assert!(set.obtain.contains(&set.revision[..7]), "{}", set.name);
        assert!(!set.licence.is_empty() && !files.is_empty(), "{}", set.name);
        assert!(
            files.windows(2).all(|w| w[0].path < w[1].path),
            "{}",
            set.name
        );
    }
}

#[test]
fn held_out_parts_exist_and_are_never_trainable() {
    let sets = all();
    let held = HeldOut::open(&folder().join("heldout.toml")).unwrap();
    for part in &held.part {
        let (set, files) = sets
            .iter()
            .find(|(s, _)| s.repository == part.repository)
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
            .find(|(s, _)| s.repository == repository)
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
