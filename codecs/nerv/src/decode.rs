//! Decoding of a chunk: any of its frames, reading no group that they do not lie in.

use std::ops::Range;

use nc_core::entropy::RangeDecoder;
use nc_core::{Budget, Control, Error, Result, VideoFormat};
use rayon::prelude::*;
use xxhash_rust::xxh3::Xxh3;

use crate::geometry::Geometry;
use crate::gop::{Place, needed, places};
use crate::grid::{Known, internal};
use crate::header::{Header, Input, step};
use crate::memory::{bytes, elements};
use crate::motion_compensation::Reference;
use crate::motion_field::MotionField;
use crate::symbols::{SymbolCoder, Symbols, hash_groups};
use crate::synthesis::Synthesis;
use crate::weights;

/// Decoded frames and the hash of their symbols.
pub struct Decoded {
    /// The frames wanted.
    pub samples: Vec<u16>,
    /// Of all groups' symbols, group by group; of the whole chunk only where all frames were wanted.
    pub symbols: u64,
}

fn outside() -> Error {
    Error::Usage("frames outside the chunk".into())
}

/// A group to decode.
struct Group<'a> {
    bytes: &'a [u8],
    frames: usize,
    wanted: Range<usize>,
    out: &'a mut [u16],
}

/// Decodes one group; gives the hash of its symbols, which is of all of them where all its frames are wanted.
fn group(
    s: &Synthesis,
    header: &Header,
    g: Group<'_>,
    mut budget: Budget,
    cancel: &(dyn Fn() -> Result<()> + Sync),
) -> Result<u64> {
    let geo = &s.geometry;
    let mut buffers = s.buffers(&mut budget)?;
    // A place, two marks and a reference for each frame.
    budget.charge(bytes(g.frames as u64, 128)?)?;
    let order = places(g.frames, header.pyramid);
    let (need, until) = needed(&order, &g.wanted)?;
    let all = g.wanted == (0..g.frames);
    let mut io = RangeDecoder::new(g.bytes)?;
    let mut coder = SymbolCoder::default();
    let mut refs: Vec<Option<Reference>> = vec![None; g.frames];
    let mut symbols = Symbols::new(Place::FIRST, geo);
    let mut digest = Xxh3::new();
    let mut left = need.iter().filter(|n| **n).count();
    for (at, place) in order.iter().enumerate() {
        cancel()?;
        symbols.place = *place;
        if place.class == 0 {
            symbols.field = MotionField::new(geo);
        }
        coder.code(&mut io, geo, &mut symbols)?;
        if all {
            symbols.hash(&mut digest);
        }
        if !*need.at(place.t)? {
            continue;
        }
        let pick = |r: Option<usize>| match r {
            Some(r) => {
                let missing = || internal("nerv: a reference that is not there");
                refs.at(r)?.as_ref().ok_or_else(missing).map(Some)
            }
            None => Ok(None),
        };
        let [first, second] = place.refs;
        let from = [pick(first)?, pick(second)?];
        let code = *header.steps.at(place.class)?;
        s.run(&symbols, step(code, geo.bits), from, &mut buffers)?;
        if g.wanted.contains(&place.t) {
            s.show(place.class, &mut buffers)?;
            let first = (place.t - g.wanted.start) * geo.samples();
            let to = g.out.span_mut(first..first + geo.samples())?;
            to.copy_from_slice(&buffers.shown);
        }
        for r in place.refs.iter().flatten() {
            if *until.at(*r)? <= at && refs.at_mut(*r)?.take().is_some() {
                budget.release(Reference::bytes(geo));
            }
        }
        if *until.at(place.t)? > at {
            budget.charge(Reference::bytes(geo))?;
            *refs.at_mut(place.t)? = Some(Reference::new(geo, &buffers.frame)?);
        }
        left -= 1;
        if left == 0 && !all {
            break;
        }
    }
    Ok(digest.digest())
}

/// Decodes the frames `wanted` of a chunk of `frames`.
///
/// # Errors
/// [`Error::Format`] for a damaged payload, [`Error::Limit`] past the budget, [`Error::Cancelled`].
pub fn decode(
    payload: &[u8],
    format: &VideoFormat,
    frames: u64,
    wanted: Range<u64>,
    budget: &mut Budget,
    ctl: &mut Control<'_>,
) -> Result<Decoded> {
    let mut input = Input::new(payload);
    let header = Header::read(&mut input, frames)?;
    let geo = Geometry::of(format);
    let samples = geo.samples() as u64;
    if wanted.start > wanted.end || wanted.end > frames {
        return Err(outside());
    }
    let total = elements(wanted.end - wanted.start, samples)?;
    budget.charge(bytes(total as u64, 2)?)?;
    let mut s = Synthesis::new(format, &header.config);
    // What one group needs must be there before any is begun.
    budget.share().charge(s.buffer_bytes())?;
    if let Some(n) = &s.network {
        let mut coded = weights::Coded::zeros(&n.graph, budget)?;
        let mut io = RangeDecoder::new(input.piece()?)?;
        weights::code(&mut io, &n.graph, &mut coded)?;
        s.params = coded.values(&n.graph);
    }
    let mut out = vec![0u16; total];
    let mut groups = Vec::new();
    let mut first = 0u64;
    // What is left of the output, group by group.
    let mut rest = out.as_mut_slice();
    for n in &header.groups {
        let piece = input.piece()?;
        // The header's groups are as many frames as the chunk has.
        let end = first + *n as u64;
        let (a, b) = (wanted.start.clamp(first, end), wanted.end.clamp(first, end));
        if b > a {
            let mine = elements(b - a, samples)?;
            // All frames of a group are read, whichever are wanted; so it is refused where they would all be.
            let others = bytes(*n as u64 - (b - a), samples)?;
            budget.share().charge(bytes(others, 2)?)?;
            groups.push(Group {
                bytes: piece,
                frames: *n,
                wanted: (a - first) as usize..(b - first) as usize,
                out: rest
                    .split_off_mut(..mine)
                    .ok_or_else(|| internal("nerv: more frames than are wanted"))?,
            });
        }
        first = end;
    }
    if !input.is_empty() {
        return Err(Error::Format("nerv: bytes after the last group".into()));
    }
    // The range coders hold words of their own.
    budget.charge(groups.iter().map(|g| g.bytes.len() as u64).sum())?;
    let check = ctl.checker();
    // Groups decode side by side only where the budget has room for all of them at once.
    // Those of the pool that this runs in, which is the control's.
    let threads = rayon::current_num_threads().min(groups.len()).max(1);
    let share = Budget::new(budget.left() / threads as u64);
    // Twelve references and the work on a frame.
    let least = 12 * Reference::bytes(&geo) + 16 * samples;
    let wide = threads > 1 && share.left() >= s.buffer_bytes() && share.left() > least;
    let hashes: Result<Vec<u64>> = if wide {
        groups
            .into_par_iter()
            .map(|g| group(&s, &header, g, share.apart(), &check))
            .collect()
    } else {
        groups
            .into_iter()
            .map(|g| group(&s, &header, g, budget.share(), &check))
            .collect()
    };
    let symbols = hash_groups(hashes?.into_iter());
    Ok(Decoded {
        samples: out,
        symbols,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::filter::FilterConfig;
    use crate::gop::CLASSES;
    use crate::header::put_piece;
    use crate::motion_field::Block;
    use crate::weights::Coded;
    use nc_core::entropy::RangeEncoder;
    use nc_core::rng::Rng;
    use nc_core::{Chroma, ChunkHead, Codec, Colour};
    use nc_kernels::{Kernels, Level};

    const FORMATS: [(u32, u32, Chroma, u8); 4] = [
        (33, 18, Chroma::C420, 8),
        (16, 9, Chroma::C422, 10),
        (9, 17, Chroma::C444, 10),
        (24, 24, Chroma::Gray, 8),
    ];

    fn video((width, height, chroma, bits): (u32, u32, Chroma, u8)) -> VideoFormat {
        VideoFormat {
            width,
            height,
            rate: [25, 1],
            chroma,
            bits,
            colour: Colour::Video,
            alpha: false,
        }
    }

    /// Symbols such as an encoder might have chosen, but for no frame in particular.
    fn scribble(rng: &mut Rng, s: &mut Symbols) {
        for b in s.field.blocks.as_mut_slice() {
            *b = Block::default();
            if s.place.class > 0 && rng.below(2) > 0 {
                b.mode = if s.place.class > 1 {
                    rng.below(3) as u8
                } else {
                    0
                };
                for l in 0..2 {
                    if b.mode == 2 || usize::from(b.mode) == l {
                        b.v[l] = [0; 2].map(|_: i16| rng.below(200) as i16 - 100);
                    }
                }
            }
        }
        for p in &mut s.coefficients.planes {
            let big = p.side == crate::dct::BIG;
            p.big
                .as_mut_slice()
                .iter_mut()
                .for_each(|b| *b = big && rng.below(2) > 0);
            for q in &mut p.q {
                *q = if rng.below(12) > 0 {
                    0
                } else {
                    rng.below(7) as i16 - 3
                };
            }
        }
    }

    /// A body of groups of these sizes, with a network of this width or none.
    fn body(f: &VideoFormat, groups: &[usize], width: usize, seed: u64) -> Vec<u8> {
        let mut rng = Rng::new(seed);
        let header = Header {
            config: FilterConfig {
                width,
                blocks: 2,
                ..FilterConfig::default()
            },
            pyramid: 4,
            steps: [40, 38, 36, 34, 32],
            groups: groups.to_vec(),
        };
        let mut out = Vec::new();
        header.write(&mut out);
        let s = Synthesis::new(f, &header.config);
        if let Some(n) = &s.network {
            let mut params = n.graph.start(&mut Rng::new(seed));
            // What a network adds is small at the start.
            let head = n
                .graph
                .params
                .iter()
                .find(|p| p.name == "head.weight")
                .unwrap();
            params[head.at..head.at + head.len]
                .iter_mut()
                .for_each(|v| *v *= 40.0);
            let exponents = vec![-24; n.graph.params.len()];
            let mut coded = Coded::quantise(&n.graph, &params, &exponents);
            let mut io = RangeEncoder::new();
            weights::code(&mut io, &n.graph, &mut coded).unwrap();
            put_piece(&io.finish(), &mut out);
        }
        for n in groups {
            let mut io = RangeEncoder::new();
            let mut coder = SymbolCoder::default();
            for place in places(*n, header.pyramid) {
                let mut symbols = Symbols::new(place, &s.geometry);
                scribble(&mut rng, &mut symbols);
                coder.code(&mut io, &s.geometry, &mut symbols).unwrap();
            }
            put_piece(&io.finish(), &mut out);
        }
        out
    }

    fn read(body: &[u8], f: &VideoFormat, frames: u64, wanted: Range<u64>) -> Decoded {
        let mut budget = Budget::new(64 << 20);
        decode(
            body,
            f,
            frames,
            wanted,
            &mut budget,
            &mut Control::default(),
        )
        .unwrap()
    }

    /// All groups one after another with the kernels of a level.
    fn at(level: Level, body: &[u8], f: &VideoFormat, frames: usize) -> Vec<u16> {
        let mut input = Input::new(body);
        let header = Header::read(&mut input, frames as u64).unwrap();
        let mut s = Synthesis::new(f, &header.config);
        s.kernels = Kernels::new(level).unwrap();
        if let Some(n) = &s.network {
            let mut coded = Coded::zeros(&n.graph, &mut Budget::default()).unwrap();
            let mut io = RangeDecoder::new(input.piece().unwrap()).unwrap();
            weights::code(&mut io, &n.graph, &mut coded).unwrap();
            s.params = coded.values(&n.graph);
        }
        let mut out = Vec::new();
        for n in &header.groups {
            let mut samples = vec![0; n * s.geometry.samples()];
            let g = Group {
                bytes: input.piece().unwrap(),
                frames: *n,
                wanted: 0..*n,
                out: &mut samples,
            };
            group(&s, &header, g, Budget::default(), &|| Ok(())).unwrap();
            out.extend(samples);
        }
        out
    }

    #[test]
    fn every_level_and_every_number_of_threads_gives_the_same_samples() {
        for (i, f) in FORMATS.map(video).iter().enumerate() {
            for width in [0, 8, 16] {
                let bytes = body(f, &[6, 1, 9], width, i as u64);
                let first = read(&bytes, f, 16, 0..16);
                assert!(first.samples.iter().any(|v| *v != first.samples[0]));
                for threads in [1, 2, 5] {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                    let next = pool.unwrap().install(|| read(&bytes, f, 16, 0..16));
                    assert_eq!(next.samples, first.samples, "{threads} threads");
                    assert_eq!(next.symbols, first.symbols, "{threads} threads");
                }
                for level in Level::available() {
                    assert_eq!(at(*level, &bytes, f, 16), first.samples, "{level} {f:?}");
                }
            }
        }
    }

    #[test]
    fn a_network_changes_what_is_shown() {
        let f = video(FORMATS[0]);
        let with = read(&body(&f, &[5], 8, 3), &f, 5, 0..5).samples;
        let without = read(&body(&f, &[5], 0, 3), &f, 5, 0..5).samples;
        assert_ne!(with, without);
    }

    #[test]
    fn any_frames_are_those_of_the_whole() {
        for (i, f) in FORMATS.map(video).iter().enumerate() {
            let bytes = body(f, &[6, 1, 9], 8 * (i % 2), i as u64);
            let whole = read(&bytes, f, 16, 0..16).samples;
            let n = f.frame_samples().unwrap();
            for from in 0..=16 {
                for to in from..=16 {
                    let part = read(&bytes, f, 16, from as u64..to as u64).samples;
                    assert_eq!(part, whole[from * n..to * n], "{from}..{to}");
                }
            }
        }
    }

    /// A whole payload through the codec, in 64 MB.
    fn codec(body: &[u8], f: &VideoFormat, units: u64) -> Result<()> {
        let head = ChunkHead {
            format: *f,
            first: 0,
            units,
        };
        let payload = [&[2], body].concat();
        let mut budget = Budget::new(64 << 20);
        let y = crate::Nerv.decode(&payload, &head, &mut budget, &mut Control::default());
        // Whatever a file holds, it is no fault of this code.
        assert!(!matches!(y, Err(Error::Internal(_))), "{:?}", y.err());
        y.map(|_| ())
    }

    #[test]
    fn damage_is_an_error_or_other_frames() {
        for width in [0, 8] {
            let f = video((20, 18, Chroma::C420, 8));
            let good = body(&f, &[4, 3], width, 5);
            codec(&good, &f, 7).unwrap();
            let step = 1 + good.len() / 600;
            for n in (0..good.len()).step_by(step) {
                assert!(codec(&good[..n], &f, 7).is_err(), "{n}");
            }
            let mut rng = Rng::new(6);
            let mut refused = 0;
            for at in (0..good.len()).step_by(step) {
                let mut bad = good.clone();
                // The header's bytes in every way.
                let ways = if at < 16 { 255 } else { 1 };
                for _ in 0..ways {
                    bad[at] = good[at] ^ (1 + rng.below(255) as u8);
                    refused += usize::from(codec(&bad, &f, 7).is_err());
                }
            }
            assert!(refused > 500, "{refused}");
            let mut long = good.clone();
            long.push(0);
            assert!(matches!(codec(&long, &f, 7), Err(Error::Format(_))));
        }
    }

    #[test]
    fn noise_for_groups_and_parameters_is_no_panic() {
        let f = video((40, 24, Chroma::C422, 10));
        let mut rng = Rng::new(9);
        let mut read = 0;
        for i in 0..60 {
            let header = Header {
                config: FilterConfig {
                    width: 8 * (i % 3),
                    blocks: i % 4,
                    ..FilterConfig::default()
                },
                pyramid: 1 + i % 9,
                steps: [0; CLASSES].map(|_: u8| rng.below(128) as u8),
                groups: vec![5, 2],
            };
            let mut bytes = Vec::new();
            header.write(&mut bytes);
            let pieces = if header.config.width > 0 { 3 } else { 2 };
            for _ in 0..pieces {
                // Words of the coder are of two or four bytes.
                let n = 4 * rng.below(300);
                let piece: Vec<u8> = (0..n).map(|_| rng.below(256) as u8).collect();
                put_piece(&piece, &mut bytes);
            }
            read += usize::from(codec(&bytes, &f, 7).is_ok());
        }
        assert!(read < 60);
    }

    #[test]
    fn what_a_header_asks_for_is_charged_before_it_is_made() {
        let f = video((20, 18, Chroma::C420, 8));
        let good = body(&f, &[4, 3], 8, 5);
        let with = |width, height| VideoFormat { width, height, ..f };
        for (format, units) in [(with(16_384, 16_384), 7), (with(1, 16_384), 7)] {
            let e = codec(&good, &format, units);
            assert!(
                matches!(e, Err(Error::Limit(_) | Error::Format(_))),
                "{e:?}"
            );
        }
        assert!(matches!(
            codec(&good, &with(16_384, 16_384), 7),
            Err(Error::Limit(_))
        ));
        // A payload of one group of so many frames.
        let group = |units: u64| {
            let mut payload = Vec::new();
            Header {
                config: FilterConfig {
                    width: 0,
                    ..FilterConfig::default()
                },
                pyramid: 1,
                steps: [30; CLASSES],
                groups: vec![units as usize],
            }
            .write(&mut payload);
            put_piece(&[0; 64], &mut payload);
            payload
        };
        // Frames that are not wanted are read all the same: a few bytes must not make a quarter of a million of them.
        let units = 1u64 << 18;
        let (mut budget, last) = (Budget::new(64 << 20), units - 1..units);
        let mut ctl = Control::default();
        let e = decode(&group(units), &f, units, last, &mut budget, &mut ctl);
        assert!(matches!(e, Err(Error::Limit(_))));
        // One group of very many frames, of which one is wanted.
        let units = 1u64 << 33;
        let many = group(units);
        for wanted in [0..1, units - 1..units, 0..units] {
            let mut budget = Budget::new(64 << 20);
            let e = decode(
                &many,
                &f,
                units,
                wanted,
                &mut budget,
                &mut Control::default(),
            );
            assert!(matches!(e, Err(Error::Limit(_))));
        }
    }
}
