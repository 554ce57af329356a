//! How near a decoded signal is to its original, and how codecs compare over rates.
//!
//! One function a kind of signal gives every metric by the name that tables and plots use:
//! [`image::all`], [`video::all`] and [`speech::all`]. A PSNR or SNR is infinite where nothing
//! differs, which JSON cannot hold: whoever writes figures has to say so in his own way.
//! [`bd`] compares curves of rate against quality.
//!
//! Each formula names its source and is checked against an independent implementation on committed
//! figures (`tests/metrics.rs`).
//!
//! ViSQOL is not here. Of the two crates that have it, `visqol-rs` 0.4.1 is of version 3.1, differs
//! from the authors' own figure of that version by .027 (2.342, not 2.369, on their pair CA01_01), and
//! panics on half a second of sound; `audio_samples_qoe` 0.1.3 states up to .073 for version 3.3.3.
//! A figure that far off its name would rank codecs that it cannot tell apart.

mod align;
pub mod bd;
pub mod image;
mod mel;
mod pair;
mod psnr;
pub mod speech;
mod ssim;
mod stoi;
pub mod video;

pub use align::{MAX_LAG, align, lag};
pub use mel::{BANDS, FFT, HOP, log_mel, log_mel_distance};
pub use pair::RATE;
pub use psnr::{Psnr, plane_errors, psnr};
pub use speech::{Scores, pesq_wb, si_sdr, snr};
pub use ssim::{MS_SSIM_EDGE, Plane, WINDOW, ms_ssim, ssim};
pub use stoi::{estoi, stoi};
