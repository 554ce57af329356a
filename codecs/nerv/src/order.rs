//! In which order the frames of a group are coded, and from which others each is predicted.

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

/// The frames of a group of `n`, in the order of coding: an intra frame, then one predicted frame every `step` frames, and
/// between these a pyramid of frames predicted from both sides.
pub fn places(n: usize, step: usize) -> Vec<Place> {
    let mut out = Vec::with_capacity(n);
    if n == 0 {
        return out;
    }
    out.push(Place {
        t: 0,
        class: 0,
        refs: [None, None],
    });
    let mut from = 0;
    while from + 1 < n {
        let to = (from + step.max(1)).min(n - 1);
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
        class: class.min(4),
        refs: [Some(a), Some(b)],
    });
    between(a, t, class + 1, out);
    between(t, b, class + 1, out);
}
