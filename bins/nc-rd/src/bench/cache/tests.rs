#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;

#[test]
fn rows_outlive_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let row = |key: &str, bytes| Row {
        key: key.into(),
        bytes: Some(bytes),
        ..Row::default()
    };
    let (mut folder, rows) = Folder::open(dir.path()).unwrap();
    assert!(rows.is_empty());
    for r in [row("a", 1), row("b", 2), row("a", 3)] {
        folder.append(&r).unwrap();
    }
    let why = format!("{:#}", Folder::open(dir.path()).unwrap_err());
    assert!(why.contains("another run"), "{why}");
    drop(folder);
    let path = dir.path().join("rows.jsonl");
    let mut torn = std::fs::read(&path).unwrap();
    torn.extend(b"{\"key\":\"c\",\"byt");
    std::fs::write(&path, &torn).unwrap();
    let (mut folder, rows) = Folder::open(dir.path()).unwrap();
    assert_eq!(
        (rows.len(), rows["a"].bytes, rows["b"].bytes),
        (2, Some(3), Some(2))
    );
    folder.append(&row("c", 4)).unwrap();
    drop(folder);
    assert_eq!(Folder::open(dir.path()).unwrap().1.len(), 3);
    // Damage elsewhere is no accident of a kill.
    std::fs::write(&path, "nonsense\n").unwrap();
    assert!(format!("{:#}", Folder::open(dir.path()).unwrap_err()).contains("line 1"));
}

#[test]
fn a_file_with_its_name_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let (made, path) = (dir.path().join("made"), dir.path().join("k.webp"));
    std::fs::write(&made, "bytes").unwrap();
    let known = Coded {
        times: vec![0.1, 0.30000000000000004],
        timed_alone: true,
        peak_mib: None,
    };
    assert_eq!(coded(&path), None);
    keep(&made, &path, &known).unwrap();
    assert_eq!(coded(&path), Some(known));
    assert_ne!(hash(&["a", "bc"]), hash(&["ab", "c"]));
    assert_eq!(coded_name("k", ""), "coded/k");
}
