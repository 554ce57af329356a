//! An encode that was stopped goes on from its checkpoint, and one with a limit of time ends.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]

mod common;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::{Kind, clip, constant, decode, encode, error, format, head};
use nc_core::{Budget, Chroma, ChunkGoal, Control, Effort, Error, Progress, VideoBuf};

/// Large enough for a network.
fn film(seed: u64) -> VideoBuf {
    clip(Kind::Cuts, format(64, 48, Chroma::C444, 10), 12, seed)
}

const GOAL: ChunkGoal = ChunkGoal::Bytes(21_000);

fn folder(name: &str) -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

fn files(folder: &Path) -> Vec<String> {
    let all = std::fs::read_dir(folder).map(|all| {
        all.map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect()
    });
    all.unwrap_or_default()
}

fn control<'a>(folder: &Path) -> Control<'a> {
    Control {
        effort: Effort::Medium,
        checkpoints: Some(folder.into()),
        ..Control::default()
    }
}

/// Encodes until the network has learnt so many steps.
fn stopped(x: &VideoBuf, folder: &Path, after: u64) {
    stopped_in(x, folder, "network", after);
}

/// Encodes until so much of a task is done.
fn stopped_in(x: &VideoBuf, folder: &Path, task: &str, after: u64) {
    let goal = match task {
        "network" => GOAL,
        _ => ChunkGoal::Bytes(3000),
    };
    let cancel = Arc::new(AtomicBool::new(false));
    let flag = cancel.clone();
    let mut watch = move |p: Progress<'_>| {
        if p.task == task && p.done >= after {
            flag.store(true, Ordering::Relaxed);
        }
    };
    let mut ctl = Control {
        cancel: Some(cancel),
        progress: Some(&mut watch),
        ..control(folder)
    };
    let e = encode(x, goal, &mut ctl);
    assert!(matches!(e, Err(Error::Cancelled)), "{e:?}");
}

fn check(x: &VideoBuf, payload: &[u8], symbols: u64) {
    assert_eq!(payload[0], 2);
    assert!(payload.len() <= 21_000, "{}", payload.len());
    let (y, hash) = decode(payload, &head(x), &mut Budget::default()).unwrap();
    assert_eq!(hash, symbols);
    let (got, flat) = (error(x, &y.samples), error(x, &constant(x)));
    assert!(got < 0.1 * flat, "{got} {flat}");
}

#[test]
fn a_stopped_encode_goes_on_where_it_was() {
    let x = film(1);
    let folder = folder("goes-on");
    stopped(&x, &folder, 100);
    assert_eq!(files(&folder), ["chunk-0.nerv"]);
    let mut first = None;
    let mut watch = |p: Progress<'_>| {
        if first.is_none() {
            first = Some((p.task.to_owned(), p.done));
        }
    };
    let mut ctl = Control {
        resume: true,
        progress: Some(&mut watch),
        ..control(&folder)
    };
    let (payload, encoded) = encode(&x, GOAL, &mut ctl).unwrap();
    check(&x, &payload, encoded.symbols);
    // Neither motion nor the steps that were done are done again.
    let (task, done) = first.unwrap();
    assert!(task == "network" && done > 100, "{task} {done}");
    // It is the file of an encode that was never stopped, and is not made again.
    let mut unbroken = Control {
        effort: Effort::Medium,
        ..Control::default()
    };
    assert_eq!(encode(&x, GOAL, &mut unbroken).unwrap().0, payload);
    let mut watch = |p: Progress<'_>| panic!("{} again", p.task);
    let mut ctl = Control {
        resume: true,
        progress: Some(&mut watch),
        ..control(&folder)
    };
    let (again, same) = encode(&x, GOAL, &mut ctl).unwrap();
    assert_eq!((again, same.symbols), (payload, encoded.symbols));
    assert_eq!(files(&folder), ["chunk-0.nerv"]);
    ctl.clear_checkpoints();
    assert!(!folder.exists());
}

#[test]
fn motion_that_was_found_is_not_looked_for_again() {
    let x = clip(Kind::Texture, format(64, 48, Chroma::C420, 8), 20, 6);
    for after in [0, 2] {
        let folder = folder(&format!("motion-{after}"));
        stopped_in(&x, &folder, "size", after);
        let mut seen = Vec::new();
        let mut watch = |p: Progress<'_>| seen.push(p.task.to_owned());
        let mut ctl = Control {
            effort: Effort::Fast,
            resume: true,
            progress: Some(&mut watch),
            ..control(&folder)
        };
        let (payload, _) = encode(&x, ChunkGoal::Bytes(3000), &mut ctl).unwrap();
        assert!(
            !seen.is_empty() && seen.iter().all(|t| t == "size"),
            "{seen:?}"
        );
        let mut unbroken = Control {
            effort: Effort::Fast,
            ..Control::default()
        };
        let whole = encode(&x, ChunkGoal::Bytes(3000), &mut unbroken).unwrap().0;
        assert!(whole == payload, "{} {}", whole.len(), payload.len());
    }
}

#[test]
fn an_encode_can_be_stopped_more_than_once() {
    let x = film(2);
    let folder = folder("more-than-once");
    stopped(&x, &folder, 40);
    let cancel = Arc::new(AtomicBool::new(true));
    for _ in 0..2 {
        let mut ctl = Control {
            resume: true,
            cancel: Some(cancel.clone()),
            ..control(&folder)
        };
        let e = encode(&x, GOAL, &mut ctl);
        assert!(matches!(e, Err(Error::Cancelled)), "{e:?}");
        assert_eq!(files(&folder), ["chunk-0.nerv"]);
    }
    let mut ctl = Control {
        resume: true,
        ..control(&folder)
    };
    let (payload, encoded) = encode(&x, GOAL, &mut ctl).unwrap();
    check(&x, &payload, encoded.symbols);
}

#[test]
fn a_checkpoint_of_other_frames_is_refused_and_a_damaged_one_too() {
    let x = film(3);
    let folder = folder("refused");
    stopped(&x, &folder, 20);
    let path = folder.join("chunk-0.nerv");
    let good = std::fs::read(&path).unwrap();
    let resume = |x: &VideoBuf| {
        let mut ctl = Control {
            resume: true,
            ..control(&folder)
        };
        encode(x, GOAL, &mut ctl)
    };
    let mut other = x.clone();
    other.samples[7] ^= 1;
    let e = resume(&other);
    assert!(matches!(e, Err(Error::Usage(_))), "{e:?}");
    let e = resume(&clip(Kind::Cuts, format(64, 48, Chroma::C444, 10), 11, 3));
    assert!(matches!(e, Err(Error::Usage(_))), "{e:?}");
    for at in [0, 9, 20, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 0x40;
        std::fs::write(&path, &bad).unwrap();
        let e = resume(&x);
        assert!(matches!(e, Err(Error::Format(_))), "{at}: {e:?}");
        std::fs::write(&path, &good[..at]).unwrap();
        let e = resume(&x);
        assert!(matches!(e, Err(Error::Format(_))), "{at}: {e:?}");
    }
    // Nobody asked for it to be gone on from: it is written over.
    std::fs::write(&path, b"old").unwrap();
    stopped(&x, &folder, 20);
    assert_eq!(std::fs::read(&path).unwrap().len(), good.len());
}

#[test]
fn whatever_the_limit_of_time_the_file_is_whole() {
    let x = film(4);
    let folder = folder("limit");
    for milliseconds in [0, 50, 1000] {
        let mut ctl = Control {
            effort: Effort::Slow,
            time_limit: Some(Duration::from_millis(milliseconds)),
            ..control(&folder)
        };
        let (payload, encoded) = encode(&x, GOAL, &mut ctl).unwrap();
        check(&x, &payload, encoded.symbols);
    }
}

#[test]
fn a_checkpoint_of_another_pyramid_or_size_is_refused() {
    let x = film(5);
    let folder = folder("pyramid");
    stopped(&x, &folder, 20);
    for (pyramid, goal) in [("4", GOAL), ("8", ChunkGoal::Bytes(22_000))] {
        let mut ctl = Control {
            resume: true,
            ..control(&folder)
        };
        ctl.options.set("pyramid", pyramid);
        let e = encode(&x, goal, &mut ctl);
        assert!(matches!(e, Err(Error::Usage(_))), "{pyramid} {e:?}");
    }
}
