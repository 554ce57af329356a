//! The codecs of this build, one Cargo feature each.

#[cfg(feature = "circuit")]
pub use nc_circuit as circuit;
#[cfg(feature = "grvq")]
pub use nc_grvq as grvq;
#[cfg(feature = "nerv")]
pub use nc_nerv as nerv;

/// The registry, in order of preference for each kind of media.
pub fn registry() -> nc_core::Registry {
    let registry = nc_core::Registry::new();
    #[cfg(feature = "grvq")]
    let registry = registry.with(nc_grvq::Family);
    #[cfg(feature = "circuit")]
    let registry = registry.with(nc_circuit::Family);
    #[cfg(feature = "nerv")]
    let registry = registry.with(nc_nerv::Nerv);
    #[cfg(feature = "store")]
    let registry = registry.with(nc_store::Store);
    registry
}
