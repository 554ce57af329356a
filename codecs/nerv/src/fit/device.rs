//! Where the network learns.

use nc::{Error, Result};

#[cfg(any(feature = "vulkan", feature = "metal"))]
use super::gpu::Gpu;

/// Where the network learns.
#[derive(Debug, Clone)]
pub enum Device {
    /// On this crate's kernels, to the same bits everywhere.
    Cpu,
    /// On a GPU, by burn.
    #[cfg(any(feature = "vulkan", feature = "metal"))]
    Gpu(Gpu),
}

impl Device {
    /// The device of that name: `cpu`, or in a build with the feature of that name `vulkan` or `metal`, opened.
    ///
    /// # Errors
    /// [`Error::Usage`] for another name, a feature that this build is without, and where there is no such device.
    pub fn named(name: &str) -> Result<Self> {
        match name {
            "cpu" => Ok(Self::Cpu),
            #[cfg(feature = "vulkan")]
            "vulkan" => Gpu::named(name).map(Self::Gpu),
            #[cfg(feature = "metal")]
            "metal" => Gpu::named(name).map(Self::Gpu),
            name if ["vulkan", "metal"].contains(&name) => Err(Error::Usage(format!(
                "this build does not learn on the device {name}: build it with --features {name}"
            ))),
            _ => Err(Error::Usage(format!(
                "nerv has no device {name}; there are cpu, vulkan and metal"
            ))),
        }
    }
}
