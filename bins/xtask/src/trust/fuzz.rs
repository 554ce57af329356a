//! Seeds changed at random, in this process: what a fuzzer does without looking.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use anyhow::Result;
use nc_core::rng::Rng;
use xtask::mutate::{mend, mutate};
use xtask::targets::TARGETS;

use super::{Outcome, Setting};
use crate::MEMORY;

/// Most memory of one input, all readers of the target together: the budget of 8 MiB for each, and copies to compare.
const MEMORY_LIMIT: usize = 128 << 20;
/// Most time of one input.
const TIME_LIMIT: Duration = Duration::from_secs(10);

pub fn run(setting: &Setting) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let each = Duration::from_secs(setting.of(4, 120) as u64);
    std::panic::set_hook(Box::new(|_| {}));
    for (number, target) in TARGETS.iter().enumerate() {
        let seeds = target.seeds()?;
        let mut rng = Rng::new(setting.seed.wrapping_mul(31).wrapping_add(number as u64));
        let start = Instant::now();
        let (mut count, mut peak, mut slowest) = (0u64, 0, Duration::ZERO);
        while start.elapsed() < each || count < seeds.len() as u64 {
            let input = match seeds.get(count as usize) {
                Some((_, seed)) => seed.clone(),
                None => {
                    let (_, a) = &seeds[rng.below(seeds.len())];
                    let (_, b) = &seeds[rng.below(seeds.len())];
                    let x = mutate(a, b, &mut rng);
                    // One in eight keeps its wrong checksums.
                    if target.files && rng.below(8) > 0 {
                        mend(&x)
                    } else {
                        x
                    }
                }
            };
            count += 1;
            MEMORY.reset_peak_usage();
            let before = MEMORY.current_usage();
            let began = Instant::now();
            let ran = catch_unwind(AssertUnwindSafe(|| target.run(&input)));
            let took = began.elapsed();
            let used = MEMORY.peak_usage().saturating_sub(before);
            (peak, slowest) = (peak.max(used), slowest.max(took));
            let why = match &ran {
                Err(panic) => Some(message(panic.as_ref())),
                Ok(()) if used > MEMORY_LIMIT => Some(format!("{used} bytes of memory")),
                Ok(()) if took > TIME_LIMIT => Some(format!("{took:?}")),
                Ok(()) => None,
            };
            if let Some(why) = &why {
                let kept = keep(&target.name, &input)?;
                outcome.expect(false, || format!("{}: {why}; kept as {kept}", target.name));
            } else {
                outcome.expect(true, String::new);
            }
        }
        outcome.notes.push(format!(
            "{}: {count} inputs, at most {:.1} MiB and {} ms",
            target.name,
            peak as f64 / f64::from(1 << 20),
            slowest.as_millis()
        ));
    }
    let _ = std::panic::take_hook();
    Ok(outcome)
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without words")
        .into()
}

/// Keeps an input that broke a property, where it can become a file of `corpora/crashes`.
fn keep(target: &str, input: &[u8]) -> Result<String> {
    let folder = std::path::Path::new("target/trust").join(target);
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{:08x}", crc32c::crc32c(input)));
    std::fs::write(&path, input)?;
    Ok(path.display().to_string())
}
