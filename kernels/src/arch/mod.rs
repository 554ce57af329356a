//! One module per SIMD level, each with the same entry points over the code in `crate::generic`.
//!
//! The generic code is written once over the [`Vector`](crate::vector::Vector) trait and inlined into entry points that carry the level's
//! target features; this is the only way in Rust to have it compiled for each. All `unsafe` of the crate is here,
//! in `crate::generic` and in `crate::handle`, which checks lengths and the level before it calls an entry point.
#![allow(unsafe_code)]

pub(crate) mod logistic;
pub(crate) mod scalar;
#[cfg(target_arch = "x86_64")]
pub(crate) mod x86;

/// The entry points of one level: `$v` is its vector, `$l` that of its linear layer, `$mr` the rows of the tile, `$nv` the vectors in a
/// panel, `$p` the panels taken at once for a single row.
macro_rules! entry_points {
    ($(#[$attr:meta])* $v:ty, linear $l:ty, $mr:literal, $nv:literal, $p:literal) => {
        entry_points!(@fns [$(#[$attr])*] $v;
            /// Layers over images.
            image_conv(s: &crate::generic::image::Conv, x: &[f32], w: &[f32], bias: &[f32], y: &mut [f32]) =
                crate::generic::image::conv::<$l>;
            image_conv_grad(s: &crate::generic::image::Conv, x: &[f32], g: &[f32], dw: &mut [f32], db: &mut [f32]) =
                crate::generic::image::conv_grad::<$l>;
            image_depthwise(h: usize, w: usize, c: usize, x: &[f32], wt: &[f32], bias: &[f32], y: &mut [f32]) =
                crate::generic::image::depthwise::<$l>;
            image_depthwise_grad(h: usize, w: usize, c: usize, x: &[f32], g: &[f32], dw: &mut [f32], db: &mut [f32]) =
                crate::generic::image::depthwise_grad::<$l>;
            interpolate8(p: &crate::generic::motion::Piece, from: &[u16], taps: [Option<&[i32; 8]>; 2], peak: i32, out: &mut [i32; 256]) =
                crate::generic::motion::interpolate::<8>;
            interpolate4(p: &crate::generic::motion::Piece, from: &[u16], taps: [Option<&[i32; 4]>; 2], peak: i32, out: &mut [i32; 256]) =
                crate::generic::motion::interpolate::<4>;
            modulate(x: &[f32], t: &[f32], gamma: &[f32], beta: &[f32], y: &mut [f32]) =
                crate::generic::image::modulate::<$l>;
            hard_swish(x: &[f32], y: &mut [f32]) = crate::generic::image::hard_swish::<$l>;
            hard_swish_grad(x: &[f32], g: &mut [f32]) = crate::generic::image::hard_swish_grad::<$l>;
            /// y [t, out] = x [t, k] * packed weights + bias.
            linear(t: usize, k: usize, out: usize, x: &[f32], w: &[f32], bias: &[f32], y: &mut [f32]) =
                crate::generic::linear::linear::<$l, $mr, $nv, $p>;
            /// Depthwise convolution along time.
            depthwise(c: usize, left: usize, x: &[f32], w: &[f32], bias: &[f32], y: &mut [f32]) =
                crate::generic::conv::depthwise::<$v>;
            /// Layer normalisation in place.
            layer_norm(c: usize, x: &mut [f32], gamma: &[f32], beta: &[f32], eps: f32) =
                crate::generic::norm::layer_norm::<$v>;
            /// x += gamma * y.
            scale_add(c: usize, x: &mut [f32], y: &[f32], gamma: &[f32]) =
                crate::generic::norm::scale_add::<$v>;
            /// Elementwise functions in place.
            exp(x: &mut [f32]) = crate::generic::math::map::<$v, crate::generic::math::Exp>;
            ln(x: &mut [f32]) = crate::generic::math::map::<$v, crate::generic::math::Ln>;
            sin(x: &mut [f32]) = crate::generic::math::map::<$v, crate::generic::math::Sin>;
            cos(x: &mut [f32]) = crate::generic::math::map::<$v, crate::generic::math::Cos>;
            tanh(x: &mut [f32]) = crate::generic::math::map::<$v, crate::generic::math::Tanh>;
            sigmoid(x: &mut [f32]) = crate::generic::math::map::<$v, crate::generic::math::Sigmoid>;
            silu(x: &mut [f32]) = crate::generic::math::map::<$v, crate::generic::math::Silu>;
            quick_gelu(x: &mut [f32]) = crate::generic::math::map::<$v, crate::generic::math::QuickGelu>;
            /// Dot product over sixteen partial sums, written to `out[0]`.
            dot(a: &[f32], b: &[f32], out: &mut f32) = crate::generic::norm::dot::<$v>;
            /// The smallest numbers of a row.
            least(x: &[f32], out: &mut [crate::generic::least::Least]) = crate::generic::least::least;
            /// Least squares by normal equations.
            squares_add(n: usize, w: usize, m: &mut [f32], x: &[f32], weight: f32) = crate::generic::squares::add::<$v>;
            squares_add_scaled(m: &mut [f32], a: &[f32], by: f32) = crate::generic::squares::add_scaled::<$v>;
            squares_decay(m: &mut [f32], new: &mut [f32], keep: f32) = crate::generic::squares::decay::<$v>;
            squares_solve(n: usize, w: usize, m: &mut [f32], weights: &mut [f32]) = crate::generic::squares::solve::<$v>;
            /// Logistic distributions.
            cut(cuts: &mut crate::cuts::Cuts, at: f32, odds: &mut [f32; crate::cuts::CUTS]) = crate::generic::cuts::cut::<$v>;
            /// Rows of probabilities.
            normalise(k: usize, rows: &mut [f32]) = crate::generic::mixture::normalise::<$v>;
            absorb(k: usize, rows: &mut [f32], by: &[f32]) = crate::generic::mixture::absorb::<$v>;
            multiply(a: &[f32], b: &[f32], out: &mut [f32]) = crate::generic::mixture::multiply;
            observe(low: &[u32], high: &[u32], m: &mut [f32]) = crate::generic::mixture::observe;
            shares(k: usize, total: u32, rows: &mut [f32], out: &mut [u32]) = crate::generic::mixture::shares::<$v>;
            mix(weights: &[u32], row: &[u32], out: &mut u64) = crate::generic::mixture::mix_into;
        );
    };
    (@fns [$(#[$attr:meta])*] $v:ty; $($(#[$doc:meta])* $name:ident($($a:ident: $t:ty),*) = $f:path;)*) => {
        entry_points!(@each [$(#[$attr])*] $($(#[$doc])* $name($($a: $t),*) = $f;)*);
    };
    (@each $attrs:tt $($(#[$doc:meta])* $name:ident($($a:ident: $t:ty),*) = $f:path;)*) => {
        $( entry_points!(@one $attrs $(#[$doc])* $name($($a: $t),*) = $f); )*
    };
    (@one [$(#[$attr:meta])*] $(#[$doc:meta])* $name:ident($($a:ident: $t:ty),*) = $f:path) => {
        $(#[$doc])* $(#[$attr])*
        #[allow(clippy::too_many_arguments)]
        pub(crate) unsafe fn $name($($a: $t),*) {
            // SAFETY: the caller has checked the level and the lengths (see `crate::handle`).
            unsafe { $f($($a),*) }
        }
    };
}
pub(crate) use entry_points;
