//! How the rate of learning runs over a training.

/// Up to 1 over `rise` steps, straight: the factor of the rate at `step`, counted from 0.
#[must_use]
pub fn rise(step: u64, rise: u64) -> f32 {
    ((step + 1) as f32 / rise.max(1) as f32).min(1.0)
}

/// Half a cosine from 1 down to `least` as `done` goes from 0 to 1 (Loshchilov and Hutter 2017, without restarts).
#[must_use]
pub fn cosine(done: f32, least: f32) -> f32 {
    let fall = 0.5 * (1.0 + (std::f32::consts::PI * done.clamp(0.0, 1.0)).cos());
    least + (1.0 - least) * fall
}

/// `factor` for every `every` steps, smoothly, as adversarial trainings take it.
#[must_use]
pub fn exponential(step: u64, every: u64, factor: f32) -> f32 {
    factor.powf(step as f32 / every.max(1) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_the_schedules() {
        assert_eq!(
            (rise(0, 200), rise(199, 200), rise(500, 200)),
            (0.005, 1.0, 1.0)
        );
        assert_eq!(cosine(0.0, 0.01), 1.0);
        assert!((cosine(1.0, 0.01) - 0.01).abs() < 1e-6 && (cosine(0.5, 0.0) - 0.5).abs() < 1e-6);
        assert_eq!(
            (exponential(0, 10, 0.5), exponential(20, 10, 0.5)),
            (1.0, 0.25)
        );
    }
}
