use super::*;

#[test]
fn medians_and_names() {
    assert_eq!(median(&[]), None);
    assert_eq!(median(&[3.0]), Some(3.0));
    assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
    assert_eq!(median(&[9.0, 1.0, 2.0, 4.0]), Some(3.0));
}

#[test]
fn no_two_names_become_one() {
    assert_eq!(plain_name(&["a.png", "c", "1"]), "a.png--c--1");
    let changed = plain_name(&["nc nerv/x é.png"]);
    let (plain, hash) = changed.split_at(changed.len() - 6);
    assert_eq!(plain, "nc-nerv-x--.png-");
    assert!(hash.chars().all(|c| c.is_ascii_hexdigit()));
    let long = "x".repeat(300);
    let all: [&[&str]; 13] = [
        &["a b.png"],
        &["a-b.png"],
        &["c+1"],
        &["c-1"],
        &["a", "b--c"],
        &["a--b", "c"],
        &["a-", "b"],
        &["a", "-b"],
        &["a", "b", "c"],
        &[".."],
        &[""],
        &[&long],
        &[&long, "1"],
    ];
    let names: std::collections::BTreeSet<_> = all.iter().map(|p| plain_name(p)).collect();
    assert_eq!(names.len(), all.len(), "{names:?}");
    assert!(names.iter().all(|n| n != ".." && n.len() < 140));
}
