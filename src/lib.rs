//! The codecs of this build, one Cargo feature each.
//!
//! Five lines for a library user, here with speech at 3 kbit/s:
//!
//! ```
//! # fn main() -> nc_core::Result<()> {
//! # let samples = ndarray::Array2::from_shape_fn((1, 32_000), |(_, t)| (t as f32 * 0.05).sin() * 0.2);
//! let registry = nc::registry();
//! let codec = registry.open_for_encoding(registry.by_name("grvq")?, None)?;
//! let audio = nc_core::Audio { rate: 16_000, samples: samples.view() };
//! let file = nc_core::encode(codec.as_ref(), nc_core::Signal::Audio(audio), nc_core::Goal::Bitrate(3_000))?;
//! let back = nc_core::decode(&registry.opener(vec![]), &file, nc_core::Budget::default())?;
//! # let nc_core::SignalBuf::Audio(back) = back else { unreachable!() };
//! # assert_eq!(back.samples.dim(), (1, 32_000));
//! # assert!(file.len() <= 3_000 * 2 / 8);
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "circuit")]
pub use nc_circuit as circuit;
#[cfg(feature = "grvq")]
pub use nc_grvq as grvq;
#[cfg(feature = "nerv")]
pub use nc_nerv as nerv;

/// The registry, in order of preference for each kind of media.
pub fn registry() -> nc_core::Registry {
    nc_core::Registry {
        entries: vec![
            #[cfg(feature = "grvq")]
            nc_grvq::ENTRY,
            #[cfg(feature = "circuit")]
            nc_circuit::ENTRY,
            #[cfg(feature = "nerv")]
            nc_nerv::ENTRY,
            #[cfg(feature = "store")]
            nc_store::ENTRY,
            // After store until the goal "smallest" chooses: bytes is slower by a thousand times.
            #[cfg(feature = "bytes")]
            nc_bytes::ENTRY,
        ],
    }
}
