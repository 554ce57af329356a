//! The symbols of a frame, its motion field and its coefficients, and how a group's are coded one after another.

use nc_core::Result;
use xxhash_rust::xxh3::Xxh3;

use crate::coder::Bits;
use crate::coefficient_coding::CoefficientCoder;
use crate::coefficients::Coefficients;
use crate::geometry::{Geometry, Plane};
use crate::gop::Place;
use crate::motion_coding::MotionCoder;
use crate::motion_field::MotionField;

/// The symbols of one frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbols {
    /// Its place in the group.
    pub place: Place,
    /// Its motion field.
    pub field: MotionField,
    /// Its coefficients.
    pub coefficients: Coefficients,
}

impl Symbols {
    /// Zeros for a frame of this geometry.
    pub fn new(place: Place, g: &Geometry) -> Self {
        Self {
            place,
            field: MotionField::new(g),
            coefficients: Coefficients::new(g),
        }
    }

    /// Adds them to a hash.
    pub fn hash(&self, to: &mut Xxh3) {
        for b in self.field.blocks.as_slice() {
            to.update(&[b.mode]);
            for v in b.v.iter().flatten() {
                to.update(&v.to_le_bytes());
            }
        }
        for p in &self.coefficients.planes {
            let bytes: Vec<u8> = p.q.iter().flat_map(|q| q.to_le_bytes()).collect();
            to.update(&bytes);
            if self.place.class == 0 {
                let modes = p.modes.as_slice().iter();
                to.update(&modes.map(|m| m.number()).collect::<Vec<u8>>());
            }
        }
    }
}

/// The hash of a chunk's symbols, of those of its groups.
pub fn hash_groups(groups: impl Iterator<Item = u64>) -> u64 {
    let mut digest = Xxh3::new();
    groups.for_each(|h| digest.update(&h.to_le_bytes()));
    digest.digest()
}

/// Codes the symbols of a group's frames, one after another; what encodes also decodes and counts.
#[derive(Debug, Clone, Default)]
pub struct SymbolCoder {
    motion: MotionCoder,
    coefficients: CoefficientCoder,
}

impl SymbolCoder {
    /// Codes one frame.
    ///
    /// # Errors
    /// [`nc_core::Error::Format`] for symbols that no encoder writes.
    pub fn code<B: Bits>(&mut self, io: &mut B, g: &Geometry, s: &mut Symbols) -> Result<()> {
        let class = s.place.class;
        if class > 0 {
            self.motion.code(io, &mut s.field, class > 1)?;
        }
        let hint = |p: &Plane, at| hint(&s.field, class, p, at);
        self.coefficients
            .code(io, class, g, &mut s.coefficients, &hint)
    }
}

/// What the coder of coefficients is told of the motion at a small square of a plane: 0 for intra frames, 1 where two
/// references are averaged (or the only one is followed) smoothly, 2 where one of two is taken or the motion changes, 3
/// where both.
pub fn hint(f: &MotionField, class: usize, p: &Plane, [x, y]: [usize; 2]) -> usize {
    let at = [x * p.sub[0], y * p.sub[1]];
    if class == 0 {
        return 0;
    }
    // The last squares of a plane may lie beyond the frame.
    let Some(b) = f.blocks.at(at) else {
        return 0;
    };
    let differs = |by| f.blocks.near(at, by).is_some_and(|other| other != b);
    let changes = differs([-1, 0]) || differs([0, -1]);
    match (b.mode == 2 || class == 1, changes) {
        (true, false) => 1,
        (true, true) | (false, false) => 2,
        (false, true) => 3,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::motion_field::Block;

    #[test]
    fn hints_are_few_and_none_in_intra_frames() {
        for sub in [None, Some([2, 2]), Some([2, 1]), Some([1, 1])] {
            let g = Geometry::new(21, 13, sub, 10);
            let mut f = MotionField::new(&g);
            *f.blocks.at_mut([1, 0]).unwrap() = Block {
                mode: 2,
                v: [[4, 0], [0, 4]],
            };
            let mut seen = [false; 4];
            for class in 0..5 {
                for p in &g.planes {
                    for y in 0..4 {
                        for x in 0..6 {
                            let h = hint(&f, class, p, [x, y]);
                            assert!(class > 0 || h == 0);
                            seen[h] = true;
                        }
                    }
                }
            }
            assert_eq!(seen, [true; 4]);
        }
    }
}
