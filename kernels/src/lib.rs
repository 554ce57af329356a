//! Inference kernels on the CPU whose every output is the same bits at every SIMD level, on every machine and at
//! every number of threads.
//!
//! A decoder whose neural network gives other bits on another machine loses sync with its encoder when the network
//! drives the entropy coder, and cannot be tested by a hash when it makes the samples. So every output element here
//! is computed by its own fixed sequence of IEEE-754 f32 `+ - * /` and square root: no fused multiply-add, no
//! reassociation, no libm, no denormal flags. Vectors run over independent outputs; where a sum must be vectorised
//! itself, its order is defined in terms of sixteen lanes that each level emulates. Threads, if the caller uses
//! any, split frames, which are independent.
//!
//! ```
//! use nc_kernels::{Kernels, Level, PackedLinear};
//!
//! // y = x W^T + b with W [2, 3], over T = 2 frames.
//! let w = PackedLinear::new(&[1.0, 2.0, 3.0, 0.5, 0.0, -0.5], Some(&[10.0, 0.0]), 2, 3)?;
//! let x = [1.0, 1.0, 1.0, 2.0, 0.0, 1.0];
//! let mut y = [0.0; 4];
//! Kernels::best().linear(&w, &x, &mut y)?;
//! assert_eq!(y, [16.0, 0.0, 15.0, 0.5]);
//!
//! // The same bits at every level.
//! for &level in Level::available() {
//!     let mut z = [0.0; 4];
//!     Kernels::new(level)?.linear(&w, &x, &mut z)?;
//!     assert_eq!(y.map(f32::to_bits), z.map(f32::to_bits));
//! }
//! # Ok::<(), nc_kernels::KernelError>(())
//! ```
#![allow(
    clippy::indexing_slicing,
    reason = "sizes are checked where a kernel is called"
)]

#[cfg(all(target_arch = "x86", not(target_feature = "sse2")))]
compile_error!("x87 arithmetic keeps excess precision; build with SSE2");

mod arch;
mod cuts;
mod error;
mod exact;
mod fft;
mod generic;
mod handle;
mod image;
mod least;
mod level;
mod logistic;
#[cfg(feature = "matrix")]
pub mod matrix;
mod motion;
mod packed;
mod resample;
mod softmax;
mod squares;
mod stft;
mod vector;

pub use cuts::{CUTS, Cuts};
pub use error::{KernelError, Result};
pub use fft::{MAX_FFT, Rfft};
pub use generic::least::Least;
pub use handle::{Kernels, Padding};
pub use image::Conv2d;
pub use level::Level;
pub use logistic::{ROW, prefetch};
pub use motion::Block;
pub use packed::PackedLinear;
pub use resample::{Resampler, resample, resampled_len};
pub use softmax::MAX_SYMBOLS;
pub use squares::{MAX_FEATURES, Squares};
pub use stft::{Stft, hann};
