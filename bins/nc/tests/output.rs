//! Outputs appear whole or not at all, overwrite nothing, and never touch the input.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

mod common;
use common::*;

use std::io::{Read, Write};
use std::process::Stdio;

fn dir_with(name: &str, bytes: &[u8]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(name), bytes).unwrap();
    dir
}

#[test]
fn stored_bytes_come_back() {
    for n in [0, 1, 2, 1000, 3 << 20] {
        let data = noise(n as u64, n);
        let dir = dir_with("in.bin", &data);
        let d = dir.path();
        ok(
            d,
            &["encode", "in.bin", "out.nc", "--codec", "store", "--verify"],
        );
        ok(d, &["decode", "out.nc", "back.bin"]);
        assert_eq!(
            std::fs::read(d.join("back.bin")).unwrap(),
            data,
            "{n} bytes"
        );
        assert_eq!(std::fs::read(d.join("in.bin")).unwrap(), data);
        ok(d, &["test", "out.nc"]);
        assert_eq!(names(d), ["back.bin", "in.bin", "out.nc"]);
    }
}

#[test]
fn nothing_is_overwritten_without_f() {
    let dir = dir_with("in", b"data");
    let d = dir.path();
    std::fs::write(d.join("out"), b"precious").unwrap();
    let why = fails(d, &["encode", "in", "out", "--codec", "store"], 2);
    assert!(why.contains("exists") && why.contains("-f"), "{why}");
    assert_eq!(std::fs::read(d.join("out")).unwrap(), b"precious");
    ok(d, &["encode", "in", "out", "--codec", "store", "-f"]);
    assert_ne!(std::fs::read(d.join("out")).unwrap(), b"precious");
    assert_eq!(names(d), ["in", "out"]);
}

#[test]
fn a_failure_keeps_the_old_output() {
    let dir = dir_with("in.nc", b"not an nc file");
    let d = dir.path();
    std::fs::write(d.join("out"), b"precious").unwrap();
    fails(d, &["decode", "in.nc", "out", "-f"], 3);
    assert_eq!(std::fs::read(d.join("out")).unwrap(), b"precious");
    assert_eq!(names(d), ["in.nc", "out"]);
}

#[test]
fn the_input_is_no_output() {
    let dir = dir_with("in", b"data");
    let d = dir.path();
    let why = fails(d, &["encode", "in", "./in", "--codec", "store", "-f"], 2);
    assert!(why.contains("same file"), "{why}");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("in", d.join("link")).unwrap();
        fails(d, &["encode", "in", "link", "--codec", "store", "-f"], 2);
        std::fs::hard_link(d.join("in"), d.join("hard")).unwrap();
        fails(d, &["encode", "in", "hard", "--codec", "store", "-f"], 2);
    }
    assert_eq!(std::fs::read(d.join("in")).unwrap(), b"data");
}

#[test]
fn pipes_carry_everything() {
    let data = noise(3, 300_000);
    let dir = dir_with("in", &data);
    let d = dir.path();
    let through = |args: &[&str], input: &[u8]| {
        let mut child = nc()
            .current_dir(d)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let writer = std::thread::spawn(move || stdin.write_all(&input));
        let out = child.wait_with_output().unwrap();
        writer.join().unwrap().unwrap();
        assert!(out.status.success());
        out.stdout
    };
    let coded = through(&["encode", "-", "-", "--codec", "store"], &data);
    assert_eq!(through(&["decode", "-", "-"], &coded), data);
    let told = through(&["test", "-"], &coded);
    assert!(String::from_utf8(told).unwrap().contains("-: ok"));
    assert_eq!(names(d), ["in"]);
}

#[test]
#[cfg(unix)]
fn a_full_disk_is_an_io_error() {
    if !std::path::Path::new("/dev/full").exists() {
        eprintln!("skipped: no /dev/full here");
        return;
    }
    let dir = dir_with("in", &noise(1, 100_000));
    let d = dir.path();
    fails(d, &["encode", "in", "/dev/full", "--codec", "store"], 1);
    ok(d, &["encode", "in", "out.nc", "--codec", "store"]);
    fails(d, &["decode", "out.nc", "/dev/full"], 1);
    assert_eq!(names(d), ["in", "out.nc"]);
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let status = nc()
        .current_dir(d)
        .args(["decode", "out.nc", "-"])
        .stdout(full)
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(1));
}

#[test]
fn a_folder_that_is_missing_is_an_io_error() {
    let dir = dir_with("in", b"data");
    let why = fails(
        dir.path(),
        &["encode", "in", "no/such/out", "--codec", "store"],
        1,
    );
    assert!(why.contains("no/such/out"), "{why}");
    fails(
        dir.path(),
        &["encode", "missing", "out", "--codec", "store"],
        1,
    );
    assert_eq!(names(dir.path()), ["in"]);
}

#[test]
#[cfg(unix)]
fn a_folder_that_cannot_be_written_to_is_an_io_error() {
    use std::os::unix::fs::PermissionsExt;
    let dir = dir_with("in", b"data");
    let locked = dir.path().join("locked");
    std::fs::create_dir(&locked).unwrap();
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o555)).unwrap();
    if std::fs::write(locked.join("probe"), b"").is_ok() {
        eprintln!("skipped: this user may write everywhere");
        return;
    }
    fails(
        dir.path(),
        &["encode", "in", "locked/out", "--codec", "store"],
        1,
    );
    assert_eq!(names(&locked).len(), 0);
}

#[test]
fn a_closed_pipe_is_quiet() {
    let dir = dir_with("in", &noise(2, 4 << 20));
    let mut child = nc()
        .current_dir(dir.path())
        .args(["encode", "in", "-", "--codec", "store"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 8];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let out = child.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&out.stderr), "");
}

#[test]
#[cfg(unix)]
fn an_interrupted_run_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for signal in ["-INT", "-TERM"] {
        let mut child = nc()
            .current_dir(dir.path())
            .args(["encode", "-", "out.nc", "--codec", "store"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The temporary file appears once the first bytes are there; then the input stalls.
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&noise(5, 100_000)).unwrap();
        while names(dir.path()).is_empty() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let killed = std::process::Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status()
            .unwrap();
        assert!(killed.success());
        let status = child.wait().unwrap();
        drop(stdin);
        assert_eq!(status.code(), Some(1));
        assert_eq!(names(dir.path()), [""; 0]);
    }
}

#[test]
#[cfg(unix)]
fn modes_and_links_are_what_a_user_expects() {
    use std::os::unix::fs::PermissionsExt;
    let dir = dir_with("in", b"data");
    let d = dir.path();
    std::fs::write(d.join("plain"), b"").unwrap();
    ok(d, &["encode", "in", "out", "--codec", "store"]);
    let mode = |n: &str| d.join(n).metadata().unwrap().permissions().mode();
    assert_eq!(mode("out"), mode("plain"));
    std::os::unix::fs::symlink("out", d.join("link")).unwrap();
    ok(d, &["encode", "plain", "link", "--codec", "store", "-f"]);
    assert!(d.join("link").is_symlink());
    ok(d, &["decode", "out", "-f", "back"]);
    assert_eq!(std::fs::read(d.join("back")).unwrap(), b"");
}

#[test]
fn many_files_and_folders() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    std::fs::create_dir_all(d.join("tree/sub")).unwrap();
    for (i, name) in ["tree/a.txt", "tree/sub/b.txt", "c.txt"].iter().enumerate() {
        std::fs::write(d.join(name), noise(i as u64, 1000 + i)).unwrap();
    }
    ok(
        d,
        &[
            "encode",
            "--codec",
            "store",
            "-r",
            "--out-dir",
            "coded",
            "tree",
            "c.txt",
        ],
    );
    assert_eq!(names(&d.join("coded")), ["a.txt.nc", "c.txt.nc", "sub"]);
    ok(d, &["test", "-r", "coded"]);
    ok(d, &["decode", "-r", "--out-dir", "back", "coded"]);
    for (name, back) in [
        ("tree/a.txt", "a.txt"),
        ("tree/sub/b.txt", "sub/b.txt"),
        ("c.txt", "c.txt"),
    ] {
        assert_eq!(
            std::fs::read(d.join(name)).unwrap(),
            std::fs::read(d.join("back").join(back)).unwrap()
        );
    }
    // One bad file does not stop the others.
    std::fs::write(d.join("coded/bad.nc"), b"nonsense").unwrap();
    let why = fails(
        d,
        &[
            "decode",
            "--out-dir",
            "again",
            "coded/bad.nc",
            "coded/c.txt.nc",
        ],
        3,
    );
    assert!(why.contains("bad.nc"), "{why}");
    assert_eq!(names(&d.join("again")), ["c.txt"]);
    // Two inputs of one name would fight over one output.
    let why = fails(
        d,
        &[
            "encode",
            "--codec",
            "store",
            "--out-dir",
            "x",
            "c.txt",
            "./c.txt",
        ],
        2,
    );
    assert!(why.contains("two inputs"), "{why}");
}

#[test]
fn no_job_writes_what_another_reads() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    std::fs::write(d.join("d"), noise(1, 100)).unwrap();
    std::fs::write(d.join("d.nc"), noise(2, 100)).unwrap();
    let args = [
        "encode",
        "--codec",
        "store",
        "-f",
        "--out-dir",
        ".",
        "d",
        "d.nc",
    ];
    let why = fails(d, &args, 2);
    assert!(why.contains("read and written"), "{why}");
    assert_eq!(std::fs::read(d.join("d.nc")).unwrap(), noise(2, 100));
    assert_eq!(names(d), ["d", "d.nc"]);
}

#[test]
fn names_are_shown_without_their_control_characters() {
    let dir = dir_with("a\u{1b}[31m\nb", b"text");
    let why = fails(dir.path(), &["test", "a\u{1b}[31m\nb"], 3);
    assert!(why.contains("a\\u{1b}[31m\\nb"), "{why}");
    assert_eq!(why.lines().count(), 1, "{why}");
}
