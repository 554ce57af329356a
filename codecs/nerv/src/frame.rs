//! From symbols to a frame, in the encoder and the decoder alike.
//!
//! A frame is its prediction by motion plus the samples of its latents; this is what later frames are predicted from. What
//! is shown is that frame with the correction that the clip's network makes of it and of its latents. The network stays
//! outside the loop of prediction: inside, what it adds to one frame is added again in each that is predicted from it,
//! and errors grow over a group.
//!
//! All of it is IEEE `+ - *` in one order, or integers, so a frame is the same on every machine, and what an encoder
//! saw is what a decoder sees.

use nc_core::{Budget, Result, VideoFormat};
use nc_kernels::Kernels;

use crate::config::{Config, Network};
use crate::field::Field;
use crate::geometry::Geometry;
use crate::graph::{Graph, lost, put, read, take};
use crate::motion::{Reference, compensate};
use crate::order::Place;
use crate::transform::{Latents, Transform, side};

/// The symbols of one frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbols {
    /// Its place in the group.
    pub place: Place,
    /// Its motion.
    pub field: Field,
    /// Its latents.
    pub latents: Latents,
}

/// A clip's synthesis.
#[derive(Debug, Clone)]
pub struct Synthesis {
    /// Where samples lie.
    pub geometry: Geometry,
    /// The network, unless the clip is better off without.
    pub network: Option<Network>,
    /// Its parameters.
    pub params: Vec<f32>,
    /// The transform of the latents.
    pub transform: Transform,
    /// The kernels it runs on.
    pub kernels: Kernels,
}

/// Room for the work on one frame.
pub struct Room {
    /// Images of the network.
    pub images: Vec<Vec<f32>>,
    /// The prediction.
    pub prediction: Vec<u16>,
    /// Samples of the latents, by plane, in whole squares.
    pub residual: Vec<Vec<f32>>,
    /// Width of these.
    pub strides: Vec<usize>,
    /// The frame that others are predicted from.
    pub frame: Vec<u16>,
    /// The frame that is shown.
    pub shown: Vec<u16>,
}

/// How many times luma's step a plane's is, so that one price of a bit serves both under the 4:1:1 weighting of errors.
pub fn plane_step(g: &Geometry, plane: usize) -> f32 {
    match (plane, g.planes.get(plane).map(|p| p.sub)) {
        (0, _) | (_, Some([2, 2])) => 1.0,
        (_, Some([1, 1])) => 2.0,
        _ => std::f32::consts::SQRT_2,
    }
}

impl Synthesis {
    /// For a format and a network, whose parameters are still to come.
    pub fn new(format: &VideoFormat, config: &Config) -> Self {
        let geometry = Geometry::of(format);
        let network = (config.width > 0).then(|| config.network(&geometry));
        Self {
            params: vec![0.0; network.as_ref().map_or(0, |n| n.graph.weights())],
            geometry,
            network,
            transform: Transform::default(),
            kernels: Kernels::best(),
        }
    }

    /// Bytes that [`Self::room`] charges.
    pub fn room_bytes(&self) -> u64 {
        let g = &self.geometry;
        // Prediction and two frames of two bytes a sample; in whole squares a residual of four, latents of two, here and
        // with the symbols, and their bytes for the hash.
        let squares = g.planes.iter().enumerate().map(|(i, p)| {
            let whole = |n: usize| n.next_multiple_of(side(i)) as u64;
            whole(p.w).saturating_mul(whole(p.h))
        });
        let squares = squares.fold(0, u64::saturating_add);
        let images = self.network.as_ref().map_or(0, |n| n.graph.bytes());
        (g.samples() as u64)
            .saturating_mul(6)
            .saturating_add(squares.saturating_mul(12))
            .saturating_add(1 << 16)
            .saturating_add(images)
    }

    /// Room for one frame.
    ///
    /// # Errors
    /// [`nc_core::Error::Limit`] past the budget.
    pub fn room(&self, budget: &mut Budget) -> Result<Room> {
        let g = &self.geometry;
        budget.charge(self.room_bytes())?;
        let latents = Latents::new(g);
        let planes = latents.planes.iter();
        Ok(Room {
            images: self
                .network
                .as_ref()
                .map_or_else(Vec::new, |n| n.graph.zeros()),
            prediction: vec![0; g.samples()],
            residual: planes.clone().map(|p| vec![0.0; p.samples()]).collect(),
            strides: planes.map(|p| p.w.saturating_mul(p.side)).collect(),
            frame: vec![0; g.samples()],
            shown: vec![0; g.samples()],
        })
    }

    /// Makes the frame of `s` in `room.frame`, its latents of `step` (in samples), predicted from `refs`.
    pub fn run(&self, s: &Symbols, step: f32, refs: [&Reference; 2], room: &mut Room) {
        self.predict(s, refs, room);
        self.add(s, step, room);
    }

    /// The prediction alone, in `room.prediction`.
    pub fn predict(&self, s: &Symbols, refs: [&Reference; 2], room: &mut Room) {
        let g = &self.geometry;
        if s.place.class == 0 {
            room.prediction.fill(1 << g.bits.saturating_sub(1));
        } else {
            compensate(&self.kernels, g, &s.field, refs, &mut room.prediction);
        }
    }

    /// The samples of the latents, in `room.residual`.
    pub fn synthesise(&self, s: &Symbols, step: f32, room: &mut Room) {
        for (i, (p, r)) in s.latents.planes.iter().zip(&mut room.residual).enumerate() {
            let step = step * plane_step(&self.geometry, i);
            p.synthesise(&self.transform, step, s.place.class == 0, r);
        }
    }

    /// Adds the latents to the prediction.
    pub fn add(&self, s: &Symbols, step: f32, room: &mut Room) {
        self.synthesise(s, step, room);
        self.geometry.add(
            &room.prediction,
            &room.residual,
            &room.strides,
            &mut room.frame,
        );
    }

    /// Makes of `room.frame`, as [`Self::run`] left it, the frame that is shown.
    ///
    /// # Errors
    /// None for a room of this synthesis.
    pub fn show(&self, class: usize, room: &mut Room) -> Result<()> {
        self.show_by(Graph::forward_by_rows, class, room)
    }

    /// As [`Self::show`], with all images of the network kept in `room`, which learning needs.
    ///
    /// # Errors
    /// As [`Self::show`].
    pub fn show_all(&self, class: usize, room: &mut Room) -> Result<()> {
        self.show_by(Graph::forward, class, room)
    }

    fn show_by(&self, forward: Forward, class: usize, room: &mut Room) -> Result<()> {
        let g = &self.geometry;
        let Some(n) = &self.network else {
            room.shown.copy_from_slice(&room.frame);
            return Ok(());
        };
        let class = class.min(n.classes.saturating_sub(1));
        let (s0, so) = (n.graph.shape(n.input), n.graph.shape(n.output));
        let input = room.images.get_mut(n.input).ok_or_else(lost)?;
        g.pack(&room.frame, s0, input);
        g.pack_planes(&room.residual, &room.strides, s0, g.channels(), input);
        forward(
            &n.graph,
            &self.kernels,
            &self.params,
            class,
            &mut room.images,
        )?;
        // The output is what the network adds to the frame.
        let mut output = take(&mut room.images, n.output)?;
        let input = read(&room.images, n.input)?;
        for (to, from) in so.lines_mut(&mut output).zip(s0.lines(input)) {
            let pixels = from.chunks_exact(s0.c);
            for (to, from) in to.chunks_exact_mut(so.c).zip(pixels) {
                let from = from.get(..g.channels()).unwrap_or_default();
                to.iter_mut().zip(from).for_each(|(t, f)| *t += f);
            }
        }
        g.unpack(so, &output, &mut room.shown);
        put(&mut room.images, n.output, output);
        Ok(())
    }
}

/// One of the ways to run a network.
type Forward = fn(&Graph, &Kernels, &[f32], usize, &mut [Vec<f32>]) -> Result<()>;

/// What the coder of latents is told of the motion at each small square: 0 for intra frames, 1 where two references are
/// averaged (or the only one is followed) smoothly, 2 where one of two is taken or the motion changes, 3 where both.
pub fn hints<'a>(
    f: &'a Field,
    class: usize,
    g: &'a Geometry,
) -> impl Fn(usize, usize, usize) -> usize + 'a {
    move |plane, x, y| {
        let Some(p) = g.planes.get(plane) else {
            return 0;
        };
        let (x, y) = (x.saturating_mul(p.sub[0]), y.saturating_mul(p.sub[1]));
        if class == 0 || x >= f.w || y >= f.h {
            return 0;
        }
        let at = y.saturating_mul(f.w).saturating_add(x);
        let Some(b) = f.blocks.get(at) else {
            return 0;
        };
        let differs = |before| at.checked_sub(before).and_then(|i| f.blocks.get(i)) != Some(b);
        let changes = (x > 0 && differs(1)) || (y > 0 && differs(f.w));
        match (b.mode == 2 || class == 1, changes) {
            (true, false) => 1,
            (true, true) | (false, false) => 2,
            (false, true) => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::motion::Block;
    use nc_core::Chroma;

    fn format(chroma: Chroma) -> VideoFormat {
        VideoFormat {
            width: 21,
            height: 13,
            rate: [25, 1],
            chroma,
            bits: 10,
            rgb: false,
        }
    }

    fn symbols(g: &Geometry, class: usize) -> Symbols {
        Symbols {
            place: Place {
                t: 0,
                class,
                refs: [None; 2],
            },
            field: Field::new(g),
            latents: Latents::new(g),
        }
    }

    #[test]
    fn nothing_said_is_grey_or_the_reference() {
        for chroma in [Chroma::Gray, Chroma::C420, Chroma::C422, Chroma::C444] {
            for width in [0, 8] {
                let config = Config {
                    width,
                    ..Config::default()
                };
                // All parameters are zero: the network adds nothing.
                let s = Synthesis::new(&format(chroma), &config);
                let g = &s.geometry;
                let mut room = s.room(&mut Budget::default()).unwrap();
                let none = Reference::default();
                s.run(&symbols(g, 0), 3.0, [&none, &none], &mut room);
                s.show(0, &mut room).unwrap();
                assert!(room.frame.iter().all(|v| *v == 512));
                assert_eq!(room.shown, room.frame);
                let before: Vec<u16> = (0..g.samples()).map(|i| (i * 7 % 1024) as u16).collect();
                let r = Reference::new(g, &before);
                for class in 1..5 {
                    s.run(&symbols(g, class), 3.0, [&r, &r], &mut room);
                    s.show(class, &mut room).unwrap();
                    assert_eq!(room.frame, before);
                    assert_eq!(room.shown, before);
                }
            }
        }
    }

    #[test]
    fn the_mean_of_an_intra_block_carries_on_to_the_blocks_after_it() {
        let s = Synthesis::new(
            &format(Chroma::C420),
            &Config {
                width: 0,
                ..Config::default()
            },
        );
        let mut room = s.room(&mut Budget::default()).unwrap();
        let none = Reference::default();
        let mut x = symbols(&s.geometry, 0);
        for p in &mut x.latents.planes {
            p.q[0] = 10;
        }
        s.run(&x, 8.0, [&none, &none], &mut room);
        // The first coefficient of a block of 8 is 8 means; 10 steps of 8 are a mean of 10.
        assert!(room.frame.iter().all(|v| *v == 522), "{:?}", room.frame);
    }

    #[test]
    fn hints_are_few_and_none_in_intra_frames() {
        for chroma in [Chroma::Gray, Chroma::C420, Chroma::C422, Chroma::C444] {
            let g = Geometry::of(&format(chroma));
            let mut f = Field::new(&g);
            f.blocks[1] = Block {
                mode: 2,
                v: [[4, 0], [0, 4]],
            };
            let mut seen = [false; 4];
            for class in 0..5 {
                let hint = hints(&f, class, &g);
                for plane in 0..g.planes.len() {
                    for y in 0..4 {
                        for x in 0..6 {
                            let h = hint(plane, x, y);
                            assert!(class > 0 || h == 0);
                            seen[h] = true;
                        }
                    }
                }
            }
            assert_eq!(seen, [true; 4]);
        }
    }

    #[test]
    fn room_is_charged() {
        let s = Synthesis::new(&format(Chroma::C444), &Config::default());
        let mut budget = Budget::default();
        let before = budget.left();
        let room = s.room(&mut budget).unwrap();
        let floats = room
            .images
            .iter()
            .chain(&room.residual)
            .map(Vec::len)
            .sum::<usize>();
        let samples = room.prediction.len() + room.frame.len() + room.shown.len();
        assert!(before - budget.left() >= (4 * floats + 2 * samples) as u64);
        assert!(s.room(&mut Budget::new(1000)).is_err());
    }
}
