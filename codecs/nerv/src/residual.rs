//! From coefficients to samples: dequantisation, inverse transform and, in intra frames, prediction.

use nc_core::Result;

use crate::coefficients::PlaneCoefficients;
use crate::dct::{SMALL, Transform};
use crate::grid::{Grid, Known, internal};
use crate::intra::Intra;

impl PlaneCoefficients {
    /// A plane for [`Self::synthesise`].
    pub fn canvas(&self) -> Grid<f32> {
        let [w, h] = self.size();
        Grid::new(w, h, 0.0)
    }

    /// The samples of the coefficients, each times `step`, in a plane of the squares' whole size; in an `intra` frame with
    /// what is predicted from the samples around.
    ///
    /// # Errors
    /// [`nc_core::Error::Internal`] for a plane of another size.
    pub fn synthesise(
        &self,
        t: &Transform,
        step: f32,
        intra: bool,
        out: &mut Grid<f32>,
    ) -> Result<()> {
        if [out.w(), out.h()] != self.size() {
            return Err(internal("nerv: a plane of another size"));
        }
        let (mut c, mut x) = ([0.0; 256], [0.0; 256]);
        out.as_mut_slice().fill(0.0);
        let [cols, rows] = self.squares();
        let [cw, ch] = self.size().map(|n| n / SMALL);
        let mut done = if intra {
            Grid::new(cw, ch, false)
        } else {
            Grid::new(1, 1, false)
        };
        let places = (0..rows).flat_map(|y| (0..cols).map(move |x| [x, y]));
        for (place, square) in places.zip(self.q.chunks_exact(self.area())) {
            if !intra && square.iter().all(|v| *v == 0) {
                continue;
            }
            let mut rest = square;
            for block in self.blocks(place) {
                let n = block.n;
                let (q, behind) = rest
                    .split_at_checked(block.area())
                    .ok_or_else(|| internal("nerv: a block outside its square"))?;
                rest = behind;
                let empty = q.iter().all(|v| *v == 0);
                if !intra && empty {
                    continue;
                }
                let x = x.span_mut(0..block.area())?;
                if empty {
                    x.fill(0.0);
                } else {
                    for (c, q) in c.iter_mut().zip(q) {
                        *c = f32::from(*q) * step;
                    }
                    t.inverse(n, &c, x);
                }
                if intra {
                    let mode = self.modes.at(block.cell());
                    let mode = mode.ok_or_else(|| internal("nerv: a block outside its plane"))?;
                    let around = Intra {
                        samples: out,
                        done: &done,
                    };
                    around.predict(mode, block.at, n, &mut c);
                    x.iter_mut().zip(&c).for_each(|(x, p)| *x += p);
                    done.fill(block.cell(), n / SMALL, true);
                }
                for (to, row) in out.block_mut(block.at, [n, n]).zip(x.chunks_exact(n)) {
                    to.copy_from_slice(row);
                }
            }
        }
        Ok(())
    }
}
