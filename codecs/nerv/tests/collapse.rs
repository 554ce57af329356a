//! Whatever the frames are: never worse than one value for each plane, never larger than the frames themselves.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]

mod common;

use common::{KINDS, Kind, clip, constant, decode, encode, error, format, head, part, pick, raw};
use nc_core::rng::Rng;
use nc_core::{Budget, Chroma, ChunkGoal, Control, Effort, Error};

const SIZES: [(u32, u32); 12] = [
    (1, 1),
    (1, 37),
    (50, 1),
    (2, 2),
    (7, 5),
    (8, 8),
    (16, 16),
    (17, 33),
    (31, 19),
    (40, 24),
    (63, 47),
    (64, 48),
];
const CHROMAS: [Chroma; 4] = [Chroma::C420, Chroma::C422, Chroma::C444, Chroma::Gray];

/// One case in every `of`, beginning with `first`.
fn cases(first: usize, of: usize) {
    let mut coded = 0;
    for i in (first..110).step_by(of) {
        let mut rng = Rng::new(i as u64);
        let kind = KINDS[i % KINDS.len()];
        let (w, h) = pick(&mut rng, &SIZES);
        let chroma = pick(&mut rng, &CHROMAS);
        let bits = pick(&mut rng, &[8, 10]);
        let frames = pick(&mut rng, &[1, 1, 2, 3, 5, 9, 12]);
        let x = clip(kind, format(w, h, chroma, bits), frames, i as u64);
        let goal = match rng.below(5) {
            0 => ChunkGoal::Bytes(rng.below(2 * raw(&x) as usize) as u64),
            1 => ChunkGoal::Bytes(rng.below(raw(&x) as usize / 4 + 20) as u64),
            2 => ChunkGoal::Quality(pick(&mut rng, &[0.0, 10.0])),
            _ => ChunkGoal::Quality(10.0 * rng.unit()),
        };
        let mut ctl = Control {
            effort: pick(&mut rng, &[Effort::Fast, Effort::Fast, Effort::Medium]),
            ..Control::default()
        };
        let case = format!(
            "case {i}: {kind:?} {w} x {h} {chroma:?} {bits} bits, {frames} frames, {goal:?}, {:?}",
            ctl.effort
        );
        let (payload, encoded) = match encode(&x, goal, &mut ctl) {
            Ok(done) => done,
            Err(Error::Usage(e)) => {
                // Even one value for each plane takes more.
                let least = raw(&x).min(2 * x.format.planes() as u64) + 1;
                assert!(
                    matches!(goal, ChunkGoal::Bytes(n) if n < least),
                    "{case}: {e}"
                );
                continue;
            }
            Err(e) => panic!("{case}: {e}"),
        };
        let size = payload.len() as u64;
        assert!(size <= raw(&x) + 1, "{case}: {size} of {}", raw(&x));
        if let ChunkGoal::Bytes(n) = goal {
            assert!(size <= n, "{case}: {size} bytes");
        }
        let (y, symbols) = decode(&payload, &head(&x), &mut Budget::default())
            .unwrap_or_else(|e| panic!("{case}: {e}"));
        assert_eq!(symbols, encoded.symbols, "{case}");
        assert!(y.samples.iter().all(|v| *v <= x.format.max()), "{case}");
        let (got, flat) = (error(&x, &y.samples), error(&x, &constant(&x)));
        assert!(got <= flat * (1.0 + 1e-9), "{case}: {got} over {flat}");
        let all = part(&payload, &head(&x), 0, frames as u64).unwrap();
        assert_eq!(all, y.samples, "{case}");
        coded += usize::from(payload[0] == 2);
    }
    // Not all of them are stored or flat.
    assert!(coded > 2, "{coded}");
}

#[test]
fn no_clip_collapses_1() {
    cases(0, 4);
}

#[test]
fn no_clip_collapses_2() {
    cases(1, 4);
}

#[test]
fn no_clip_collapses_3() {
    cases(2, 4);
}

#[test]
fn no_clip_collapses_4() {
    cases(3, 4);
}

#[test]
fn nor_does_one_that_is_worth_a_network() {
    let mut networks = 0;
    for kind in [Kind::Noise, Kind::Dither, Kind::Cuts] {
        let x = clip(kind, format(96, 64, Chroma::C420, 8), 16, 1);
        let mut ctl = Control {
            effort: Effort::Medium,
            ..Control::default()
        };
        let (payload, encoded) = encode(&x, ChunkGoal::Bytes(21_000), &mut ctl).unwrap();
        assert!(payload.len() <= 21_000, "{kind:?}: {}", payload.len());
        // Mode and width.
        networks += usize::from(payload[0] == 2 && payload[1] > 0);
        let (y, symbols) = decode(&payload, &head(&x), &mut Budget::default()).unwrap();
        assert_eq!(symbols, encoded.symbols, "{kind:?}");
        let (got, flat) = (error(&x, &y.samples), error(&x, &constant(&x)));
        assert!(got < flat, "{kind:?}: {got} {flat}");
    }
    assert!(networks > 0);
}
