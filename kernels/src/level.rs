//! SIMD levels: which exist, and which this machine has.
//!
//! The choice is made at run time, so that one binary serves every machine; it changes speed only, never a bit.

use std::sync::OnceLock;

/// A SIMD level. All give the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Plain Rust on arrays of four lanes: the twin that every other level is tested against, and all there is on
    /// machines other than x86-64 (where the compiler may turn it into the machine's own vectors).
    Scalar,
    /// x86-64 baseline, four lanes.
    Sse2,
    /// Eight lanes.
    Avx2,
    /// Sixteen lanes; AVX-512F and VL.
    Avx512,
}

impl Level {
    /// The levels that this machine has, slowest first. Never empty.
    #[must_use]
    pub fn available() -> &'static [Level] {
        const ALL: [Level; 4] = [Level::Scalar, Level::Sse2, Level::Avx2, Level::Avx512];
        let n = match Level::detected() {
            Level::Scalar => 1,
            Level::Sse2 => 2,
            Level::Avx2 => 3,
            Level::Avx512 => 4,
        };
        &ALL[..n]
    }

    /// The fastest level that this machine has; or the one named by the environment variable `NC_SIMD` (`scalar`,
    /// `sse2`, `avx2`, `avx512`) when this was first asked, where the machine has it: for tests, as it changes no bit.
    #[must_use]
    pub fn best() -> Level {
        static BEST: OnceLock<Level> = OnceLock::new();
        *BEST.get_or_init(|| {
            let wanted = std::env::var("NC_SIMD").unwrap_or_default();
            let named = Level::available().iter().find(|l| l.to_string() == wanted);
            named.copied().unwrap_or_else(Level::detected)
        })
    }

    fn detected() -> Level {
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = std::arch::is_x86_feature_detected!("avx2");
            let avx512 = std::arch::is_x86_feature_detected!("avx512f")
                && std::arch::is_x86_feature_detected!("avx512vl");
            if avx2 && avx512 {
                Level::Avx512
            } else if avx2 {
                Level::Avx2
            } else {
                Level::Sse2
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        Level::Scalar
    }
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Level::Scalar => "scalar",
            Level::Sse2 => "sse2",
            Level::Avx2 => "avx2",
            Level::Avx512 => "avx512",
        })
    }
}
