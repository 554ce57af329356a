#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn named(name: &str) -> (Manifest, Vec<Entry>) {
    let all = built_in().unwrap();
    all.into_iter().find(|(s, _)| s.name == name).unwrap()
}

#[test]
fn every_set_is_listed_and_told() {
    let all = built_in().unwrap();
    assert_eq!(list(&all).lines().count(), all.len());
    for (set, files) in &all {
        let text = tell(set, files);
        assert!(text.contains(&set.licence_source) && text.contains(&set.obtain));
    }
    assert!(tell(&named("uvg").0, &[]).contains("none are published"));
}

#[test]
fn folders_are_judged_by_all_files_or_by_the_archives_there() {
    let dir = tempfile::tempdir().unwrap();
    let entry = |path: &str| Entry {
        sha256: EMPTY.into(),
        path: path.into(),
    };
    let files = [entry("a"), entry("b")];
    let (kodak, _) = named("kodak");
    let judge = |files: &[Entry]| checked(&kodak, files, dir.path()).unwrap();
    std::fs::write(dir.path().join("a"), "").unwrap();
    let report = judge(&files);
    assert!(!report.holds);
    assert!(report.text.contains("missing  b") && report.text.contains("1 of 2 files"));
    std::fs::write(dir.path().join("b"), "x").unwrap();
    assert!(judge(&files).text.contains("differs  b"));
    std::fs::write(dir.path().join("b"), "").unwrap();
    assert!(judge(&files).holds);
    let (mut vctk, none) = named("vctk");
    assert!(none.is_empty() && !checked(&vctk, &[], dir.path()).unwrap().holds);
    let mut second = vctk.archive[0].clone();
    second.sha256 = EMPTY.into();
    second.url = "http://example.org/a".into();
    vctk.archive.push(second);
    let report = checked(&vctk, &[], dir.path()).unwrap();
    assert!(report.holds, "{}", report.text);
    assert!(checked(&named("uvg").0, &[], dir.path()).is_err());
    assert!(checked(&kodak, &files, &dir.path().join("none")).is_err());
}
