//! Every target of `bins/xtask/src/targets`, whose header there states its property. `NC_FUZZ` names it.
//!
//!     NC_FUZZ=grvq cargo +nightly fuzz run all
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use xtask::targets::Target;

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("NC_FUZZ").unwrap_or_else(|_| "container".into());
    Target::of(&name).unwrap_or_else(|| panic!("there is no target {name}"))
});

fuzz_target!(|data: &[u8]| TARGET.run(data));
