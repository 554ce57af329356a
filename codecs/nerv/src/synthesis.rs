//! From symbols to a frame, in the encoder and the decoder alike.
//!
//! A frame is its prediction by motion plus the samples of its coefficients; this is what later frames are predicted from.
//! What is shown is that frame as the clip's filter, a small network, corrects it. The filter stays outside the loop of
//! prediction: inside, what it adds to one frame is added again in each that is predicted from it, and errors grow over a
//! group.
//!
//! All of it is IEEE `+ - *` in one order, or integers, so a frame is the same on every machine, and what an encoder
//! saw is what a decoder sees.

use nc_core::{Budget, Result, VideoFormat};
use nc_kernels::Kernels;

use crate::coefficients::{Coefficients, PlaneCoefficients, side};
use crate::dct::Transform;
use crate::filter::{Filter, FilterConfig};
use crate::geometry::{Geometry, Plane};
use crate::graph::{Graph, put, read, take};
use crate::grid::{Grid, Known};
use crate::motion_compensation::{Reference, compensate};
use crate::symbols::Symbols;

/// A clip's synthesis.
#[derive(Debug, Clone)]
pub struct Synthesis {
    /// Where samples lie.
    pub geometry: Geometry,
    /// The filter, unless the clip is better off without.
    pub network: Option<Filter>,
    /// Its parameters.
    pub params: Vec<f32>,
    /// The transform of the coefficients.
    pub transform: Transform,
    /// The kernels it runs on.
    pub kernels: Kernels,
}

/// Memory for the work on one frame.
pub struct FrameBuffers {
    /// Images of the filter.
    pub images: Vec<Vec<f32>>,
    /// The prediction.
    pub prediction: Vec<u16>,
    /// Samples of the coefficients, by plane, in whole squares.
    pub residual: Vec<Grid<f32>>,
    /// The frame that others are predicted from.
    pub frame: Vec<u16>,
    /// The frame that is shown.
    pub shown: Vec<u16>,
}

/// How many times luma's step that of a plane is, so that one price of a bit serves both under the 4:1:1 weighting of
/// errors; `i` is the plane's number.
pub fn plane_step(i: usize, p: &Plane) -> f32 {
    match (i, p.sub) {
        (0, _) | (_, [2, 2]) => 1.0,
        (_, [1, 1]) => 2.0,
        _ => std::f32::consts::SQRT_2,
    }
}

impl Synthesis {
    /// For a format and a network, whose parameters are still to come.
    pub fn new(format: &VideoFormat, config: &FilterConfig) -> Self {
        let geometry = Geometry::of(format);
        let network = (config.width > 0).then(|| config.filter(&geometry));
        Self {
            params: vec![0.0; network.iter().map(|n| n.graph.weights()).sum()],
            geometry,
            network,
            transform: Transform::default(),
            kernels: Kernels::best(),
        }
    }

    /// Bytes that [`Self::buffers`] charges.
    pub fn buffer_bytes(&self) -> u64 {
        let g = &self.geometry;
        // Prediction and two frames of two bytes a sample; in whole squares a residual of four, coefficients of two, here
        // and with the symbols, and their bytes for the hash.
        let squares = g.planes.iter().enumerate().map(|(i, p)| {
            let whole = |n: usize| n.next_multiple_of(side(i)) as u64;
            whole(p.w) * whole(p.h)
        });
        let images: u64 = self.network.iter().map(|n| n.graph.bytes()).sum();
        6 * g.samples() as u64 + 12 * squares.sum::<u64>() + (1 << 16) + images
    }

    /// Memory for one frame.
    ///
    /// # Errors
    /// [`nc_core::Error::Limit`] past the budget.
    pub fn buffers(&self, budget: &mut Budget) -> Result<FrameBuffers> {
        let g = &self.geometry;
        budget.charge(self.buffer_bytes())?;
        let planes = Coefficients::new(g).planes;
        let images = self.network.iter().flat_map(|n| n.graph.zeros());
        Ok(FrameBuffers {
            images: images.collect(),
            prediction: vec![0; g.samples()],
            residual: planes.iter().map(PlaneCoefficients::canvas).collect(),
            frame: vec![0; g.samples()],
            shown: vec![0; g.samples()],
        })
    }

    /// Makes the frame of `s` in `buffers.frame`, its coefficients in steps of `step` (in samples), predicted from `refs`.
    ///
    /// # Errors
    /// [`nc_core::Error::Internal`] for symbols or buffers of another geometry, and where a reference is missing.
    pub fn run(
        &self,
        s: &Symbols,
        step: f32,
        refs: [Option<&Reference>; 2],
        buffers: &mut FrameBuffers,
    ) -> Result<()> {
        self.predict(s, refs, buffers)?;
        self.add(s, step, buffers)
    }

    /// The prediction alone, in `buffers.prediction`.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn predict(
        &self,
        s: &Symbols,
        refs: [Option<&Reference>; 2],
        buffers: &mut FrameBuffers,
    ) -> Result<()> {
        let g = &self.geometry;
        if s.place.class == 0 {
            buffers.prediction.fill(1 << (g.bits - 1));
            return Ok(());
        }
        compensate(&self.kernels, g, &s.field, refs, &mut buffers.prediction)
    }

    /// The samples of the coefficients, in `buffers.residual`.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn synthesise(&self, s: &Symbols, step: f32, buffers: &mut FrameBuffers) -> Result<()> {
        let planes = self.geometry.planes.iter().zip(&s.coefficients.planes);
        for (i, ((p, c), out)) in planes.zip(&mut buffers.residual).enumerate() {
            let step = step * plane_step(i, p);
            c.synthesise(&self.transform, step, s.place.class == 0, out)?;
        }
        Ok(())
    }

    /// Adds the samples of the coefficients to the prediction.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn add(&self, s: &Symbols, step: f32, buffers: &mut FrameBuffers) -> Result<()> {
        self.synthesise(s, step, buffers)?;
        let FrameBuffers {
            prediction,
            residual,
            frame,
            ..
        } = buffers;
        self.geometry.add(prediction, residual, frame)
    }

    /// Makes of `buffers.frame`, as [`Self::run`] left it, the frame that is shown.
    ///
    /// # Errors
    /// [`nc_core::Error::Internal`] for buffers of another synthesis.
    pub fn show(&self, class: usize, buffers: &mut FrameBuffers) -> Result<()> {
        self.show_by(Graph::forward_by_rows, class, buffers)
    }

    /// As [`Self::show`], with all images of the filter kept in `buffers`, which learning needs.
    ///
    /// # Errors
    /// As [`Self::show`].
    pub fn show_all(&self, class: usize, buffers: &mut FrameBuffers) -> Result<()> {
        self.show_by(Graph::forward, class, buffers)
    }

    fn show_by(&self, forward: Forward, class: usize, buffers: &mut FrameBuffers) -> Result<()> {
        let g = &self.geometry;
        let Some(n) = &self.network else {
            buffers.shown.copy_from_slice(&buffers.frame);
            return Ok(());
        };
        let class = class.min(n.classes - 1);
        let (s0, so) = (n.graph.shape(n.input), n.graph.shape(n.output));
        let input = buffers.images.at_mut(n.input)?;
        g.pack(&buffers.frame, s0, input)?;
        g.pack_planes(&buffers.residual, s0, g.channels(), input)?;
        forward(
            &n.graph,
            &self.kernels,
            &self.params,
            class,
            &mut buffers.images,
        )?;
        // The output is what the filter adds to the frame.
        let mut output = take(&mut buffers.images, n.output)?;
        let input = read(&buffers.images, n.input)?;
        for (to, from) in so.lines_mut(&mut output).zip(s0.lines(input)) {
            let pixels = from.chunks_exact(s0.c);
            for (to, from) in to.chunks_exact_mut(so.c).zip(pixels) {
                let from = from.iter().take(g.channels());
                to.iter_mut().zip(from).for_each(|(t, f)| *t += f);
            }
        }
        g.unpack(so, &output, &mut buffers.shown)?;
        put(&mut buffers.images, n.output, output);
        Ok(())
    }
}

/// One of the ways to run the filter.
type Forward = fn(&Graph, &Kernels, &[f32], usize, &mut [Vec<f32>]) -> Result<()>;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::gop::Place;
    use nc_core::Chroma;

    fn format(chroma: Chroma) -> VideoFormat {
        VideoFormat {
            width: 21,
            height: 13,
            rate: [25, 1],
            chroma,
            bits: 10,
            colour: nc_core::Colour::Video,
            alpha: false,
        }
    }

    fn symbols(g: &Geometry, class: usize) -> Symbols {
        let place = Place {
            t: 0,
            class,
            refs: [None; 2],
        };
        Symbols::new(place, g)
    }

    #[test]
    fn nothing_said_is_grey_or_the_reference() {
        for chroma in [Chroma::Gray, Chroma::C420, Chroma::C422, Chroma::C444] {
            for width in [0, 8] {
                let config = FilterConfig {
                    width,
                    ..FilterConfig::default()
                };
                // All parameters are zero: the network adds nothing.
                let s = Synthesis::new(&format(chroma), &config);
                let g = &s.geometry;
                let mut buffers = s.buffers(&mut Budget::default()).unwrap();

                s.run(&symbols(g, 0), 3.0, [None, None], &mut buffers)
                    .unwrap();
                s.show(0, &mut buffers).unwrap();
                assert!(buffers.frame.iter().all(|v| *v == 512));
                assert_eq!(buffers.shown, buffers.frame);
                let before: Vec<u16> = (0..g.samples()).map(|i| (i * 7 % 1024) as u16).collect();
                let r = Reference::new(g, &before).unwrap();
                for class in 1..5 {
                    s.run(&symbols(g, class), 3.0, [Some(&r), Some(&r)], &mut buffers)
                        .unwrap();
                    s.show(class, &mut buffers).unwrap();
                    assert_eq!(buffers.frame, before);
                    assert_eq!(buffers.shown, before);
                }
            }
        }
    }

    #[test]
    fn the_mean_of_an_intra_block_carries_on_to_the_blocks_after_it() {
        let s = Synthesis::new(
            &format(Chroma::C420),
            &FilterConfig {
                width: 0,
                ..FilterConfig::default()
            },
        );
        let mut buffers = s.buffers(&mut Budget::default()).unwrap();

        let mut x = symbols(&s.geometry, 0);
        for p in &mut x.coefficients.planes {
            p.q[0] = 10;
        }
        s.run(&x, 8.0, [None, None], &mut buffers).unwrap();
        // The first coefficient of a block of 8 is 8 means; 10 steps of 8 are a mean of 10.
        assert!(
            buffers.frame.iter().all(|v| *v == 522),
            "{:?}",
            buffers.frame
        );
    }

    #[test]
    fn buffers_are_charged() {
        let s = Synthesis::new(&format(Chroma::C444), &FilterConfig::default());
        let mut budget = Budget::default();
        let before = budget.left();
        let buffers = s.buffers(&mut budget).unwrap();
        let floats = buffers
            .images
            .iter()
            .map(Vec::len)
            .chain(buffers.residual.iter().map(|r| r.as_slice().len()))
            .sum::<usize>();
        let samples = buffers.prediction.len() + buffers.frame.len() + buffers.shown.len();
        assert!(before - budget.left() >= (4 * floats + 2 * samples) as u64);
        assert!(s.buffers(&mut Budget::new(1000)).is_err());
    }
}
