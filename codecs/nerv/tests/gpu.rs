//! A network that learns on a GPU does as well as one that learns on the CPU, and neither file nor checkpoint tells
//! them apart. Skipped where there is no GPU; `CUBECL_WGPU_DEFAULT_DEVICE=Cpu` takes software for one.
#![cfg(any(feature = "vulkan", feature = "metal"))]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common::{Kind, clip, decode, encode, error, format, head};
use nc::{Budget, Chroma, Control, Effort, Encoded, Error, Goal, Progress, Result, VideoBuf};

const NAME: &str = if cfg!(feature = "vulkan") {
    "vulkan"
} else {
    "metal"
};

/// Large enough for a network.
fn film(seed: u64) -> VideoBuf {
    clip(Kind::Cuts, format(64, 48, Chroma::C444, 10), 12, seed)
}

fn on<'a>(device: &str) -> Control<'a> {
    Control {
        effort: Effort::Medium,
        options: [("device".to_owned(), device.to_owned())].into(),
        ..Control::default()
    }
}

/// An encode, unless there is no such device.
fn try_encode(x: &VideoBuf, ctl: &mut Control<'_>) -> Option<Result<(Vec<u8>, Encoded)>> {
    match encode(x, Goal::Bytes(21_000), ctl) {
        Err(Error::Usage(why)) => {
            println!("skipped: {why}");
            None
        }
        done => Some(done),
    }
}

/// Squared error of a payload with a network that decodes to what its encoder saw.
fn shown(x: &VideoBuf, (payload, encoded): &(Vec<u8>, Encoded)) -> f64 {
    // Mode, then the network's channels in eighths.
    assert_eq!(payload[..2], [2, 1]);
    let (y, symbols) = decode(payload, &head(x), &mut Budget::default()).unwrap();
    assert_eq!(symbols, encoded.symbols);
    error(x, &y.samples)
}

#[test]
fn an_encode_is_as_good_as_on_the_cpu() {
    let x = film(1);
    let Some(gpu) = try_encode(&x, &mut on(NAME)) else {
        return;
    };
    let cpu = encode(&x, Goal::Bytes(21_000), &mut on("cpu")).unwrap();
    let db = 10.0 * (shown(&x, &cpu) / shown(&x, &gpu.unwrap())).log10();
    println!("{db:+.3} dB");
    assert!(db > -0.1, "{db}");
}

#[test]
fn each_device_goes_on_from_the_others_checkpoint() {
    let x = film(2);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("devices");
    for [first, second] in [[NAME, "cpu"], ["cpu", NAME]] {
        let _ = std::fs::remove_dir_all(&folder);
        let cancel = Arc::new(AtomicBool::new(false));
        let flag = cancel.clone();
        let mut watch = move |p: Progress<'_>| {
            if p.task == "network" && p.done >= 150 {
                flag.store(true, Ordering::Relaxed);
            }
        };
        let mut ctl = Control {
            cancel: Some(cancel),
            progress: Some(&mut watch),
            checkpoints: Some(folder.clone()),
            ..on(first)
        };
        let Some(e) = try_encode(&x, &mut ctl) else {
            return;
        };
        assert!(matches!(e, Err(Error::Cancelled)), "{e:?}");
        let mut all = Vec::new();
        let mut watch = |p: Progress<'_>| all.push((p.task.to_owned(), p.done));
        let mut ctl = Control {
            resume: true,
            progress: Some(&mut watch),
            checkpoints: Some(folder.clone()),
            ..on(second)
        };
        let done = encode(&x, Goal::Bytes(21_000), &mut ctl).unwrap();
        shown(&x, &done);
        // What was done is not done again, and what is left is.
        assert!(all.iter().all(|(task, _)| task == "network"), "{all:?}");
        assert!(all[0].1 > 150 && all[0].1 < 300, "{all:?}");
        assert!(all[all.len() - 1].1 >= 320, "{all:?}");
    }
}
