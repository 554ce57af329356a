#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;

fn within(seconds: f64) -> Most<'static> {
    Most {
        time: Duration::from_secs_f64(seconds),
        bytes: u64::MAX,
        files: &[],
    }
}

fn sh(script: &str, seconds: f64) -> Result<Cost> {
    let dir = tempfile::tempdir().unwrap();
    let words = ["sh", "-c", script].map(String::from);
    run(&words, dir.path(), None, within(seconds))
}

#[test]
fn what_writes_without_end_is_ended() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    for script in ["yes > out", "yes >&2"] {
        let words = ["sh", "-c", script].map(String::from);
        let most = Most {
            bytes: 1 << 20,
            files: &[&out],
            ..within(60.0)
        };
        let why = format!("{:#}", run(&words, dir.path(), None, most).unwrap_err());
        assert!(why.contains("wrote more than 1048576 bytes"), "{why}");
    }
}

#[test]
fn failures_say_why() {
    let why = |r: Result<Cost>| format!("{:#}", r.unwrap_err());
    let failed = why(sh(
        "echo once >&2; echo no such luck >&2; echo >&2; exit 7",
        5.0,
    ));
    assert!(
        failed.contains("exit status: 7") && failed.ends_with("no such luck"),
        "{failed}"
    );
    assert!(why(sh("kill -SEGV $$", 5.0)).contains("signal"));
    assert!(why(sh("sleep 30", 0.1)).contains("did not end within 0.1 s"));
    let dir = tempfile::tempdir().unwrap();
    let none = ["no-such-command-here".to_string()];
    let none = run(&none, dir.path(), None, within(1.0));
    assert!(why(none).contains("cannot be started"));
    assert!(run(&[], dir.path(), None, within(1.0)).is_err());
}

#[test]
fn the_whole_group_is_ended() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pid");
    // A child of the command's own, left behind; and one whose parent hangs.
    for script in ["sleep 60 & echo $! > pid", "sleep 60 & echo $! > pid; wait"] {
        let words = ["sh", "-c", script].map(String::from);
        let _ = run(&words, dir.path(), None, within(0.3));
        let pid = std::fs::read_to_string(&file).unwrap();
        let stat = format!("/proc/{}/stat", pid.trim());
        let gone = (0..100).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            // An orphan may stay a zombie until somebody reaps it.
            std::fs::read_to_string(&stat).map_or(true, |s| s.contains(") Z "))
        });
        assert!(gone, "{script}");
    }
}

#[test]
fn output_and_memory_are_caught() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let words = [
        "sh",
        "-c",
        "echo here; head -c 30000000 /dev/zero | tail -n 1 > hole; sleep .1",
    ];
    let words = words.map(String::from);
    let cost = run(&words, dir.path(), Some(&out), within(20.0)).unwrap();
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "here\n");
    if cfg!(target_os = "linux") {
        // `tail` keeps the only line.
        assert!(cost.peak_mib.unwrap() > 20.0, "{cost:?}");
    }
    // It was hardly looked at.
    let short = sh("exit 0", 5.0).unwrap();
    assert!(
        short.peak_mib.is_none() || short.seconds >= 0.02,
        "{short:?}"
    );
    let two = cost.then(Cost {
        seconds: 1.0,
        peak_mib: None,
    });
    assert_eq!(two.peak_mib, cost.peak_mib);
    assert!((two.seconds - cost.seconds - 1.0).abs() < 1e-12);
}
