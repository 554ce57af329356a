//! Every seed and every crash ever found goes through its target.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use xtask::targets::TARGETS;

#[test]
fn properties_hold_for_all_seeds_and_crashes() {
    for target in TARGETS.iter() {
        let seeds = target.seeds().unwrap();
        assert!(!seeds.is_empty(), "{} has no seed", target.name);
        for (name, bytes) in seeds {
            println!("{}: {name}", target.name);
            target.run(&bytes);
        }
    }
}

#[test]
fn crashes_lie_in_folders_of_targets() {
    let folder = xtask::corpus::folder("crashes");
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        let known = xtask::targets::Target::of(&name).is_some();
        assert!(known || name == "README.md", "corpora/crashes/{name}");
    }
}
