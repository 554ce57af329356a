//! Groups of pictures: in which order the frames of a group are coded, and from which others each is predicted.

use std::ops::Range;

use nc_core::Result;

use crate::grid::Known;

/// Classes of frames: intra, predicted, and three depths of frames predicted from both sides.
pub const CLASSES: usize = 5;

/// A frame's place in its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Frame, counted from the group's first.
    pub t: usize,
    /// 0 intra, 1 predicted from one, 2 and up from both sides, deeper with each.
    pub class: usize,
    /// Frames that it is predicted from.
    pub refs: [Option<usize>; 2],
}

impl Place {
    /// The intra frame that a group begins with.
    pub const FIRST: Self = Self {
        t: 0,
        class: 0,
        refs: [None; 2],
    };
}

/// The frames of a group of `n`, in the order of coding: an intra frame, then one predicted frame every `step` frames, and
/// between these a pyramid of frames predicted from both sides.
pub fn places(n: usize, step: usize) -> Vec<Place> {
    let mut out = Vec::with_capacity(n);
    if n == 0 {
        return out;
    }
    out.push(Place::FIRST);
    let mut from = 0usize;
    let last = n - 1;
    while from < last {
        let to = (from + step.max(1)).min(last);
        out.push(Place {
            t: to,
            class: 1,
            refs: [Some(from), None],
        });
        between(from, to, 2, &mut out);
        from = to;
    }
    out
}

fn between(a: usize, b: usize, class: usize, out: &mut Vec<Place>) {
    if b - a < 2 {
        return;
    }
    let t = a.midpoint(b);
    out.push(Place {
        t,
        class: class.min(CLASSES - 1),
        refs: [Some(a), Some(b)],
    });
    let deeper = class + 1;
    between(a, t, deeper, out);
    between(t, b, deeper, out);
}

/// Frames of a group that must be made for those wanted to be made, and until when each is needed as a reference.
///
/// # Errors
/// [`nc_core::Error::Internal`] for an order that leaves frames out.
pub fn needed(order: &[Place], wanted: &Range<usize>) -> Result<(Vec<bool>, Vec<usize>)> {
    let mut need = vec![false; order.len()];
    let mut until = vec![0; order.len()];
    for (at, p) in order.iter().enumerate().rev() {
        let needed = need.at_mut(p.t)?;
        *needed |= wanted.contains(&p.t);
        if *needed {
            for r in p.refs.iter().flatten() {
                *need.at_mut(*r)? = true;
                let until = until.at_mut(*r)?;
                *until = at.max(*until);
            }
        }
    }
    Ok((need, until))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_frame_comes_once_and_after_what_it_needs() {
        for n in 0..70 {
            for step in [1, 2, 8, 16] {
                let order = places(n, step);
                let mut seen = vec![false; n];
                for p in &order {
                    assert!(!seen[p.t]);
                    assert!(p.refs.iter().flatten().all(|r| seen[*r]));
                    assert_eq!(p.refs.iter().flatten().count(), p.class.min(2));
                    seen[p.t] = true;
                }
                assert!(seen.iter().all(|s| *s));
            }
        }
    }

    #[test]
    fn one_frame_needs_few_others() {
        let order = places(65, 8);
        let (need, until) = needed(&order, &(3..4)).unwrap();
        let made: Vec<usize> = (0..65).filter(|t| need[*t]).collect();
        assert_eq!(made, [0, 2, 3, 4, 8]);
        assert!(until[0] > 0 && until[3] == 0);
    }
}
