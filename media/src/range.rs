//! A part of a signal: `30s..40s`, `1:30..1:40`, `480000..`.
//!
//! A bare number counts samples (of video, frames), as it does everywhere else in the tools of this field; anything
//! that is a time says so by its unit or its colons.

use std::str::FromStr;
use std::time::Duration;

use nc_core::{AudioFormat, Error, Format, Result as CoreResult};

use crate::warning::code;

/// A point in a signal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Point {
    /// Samples (bytes in a file of bytes, frames in a video) from the start.
    Unit(u64),
    /// Seconds from the start.
    Seconds(f64),
}

/// From one point, or the start, to another, or the end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// First unit.
    pub from: Point,
    /// One past the last unit; none is the end.
    pub to: Option<Point>,
}

impl Range {
    /// Units at `rate` units per second; nothing where there are no seconds in the signal.
    pub fn units(&self, rate: Option<f64>) -> Option<(u64, Option<u64>)> {
        let at = |p: Point| match p {
            Point::Unit(n) => Some(n),
            // Saturates far beyond any file.
            Point::Seconds(s) => rate.map(|r| (s * r).round() as u64),
        };
        match self.to {
            Some(to) => Some((at(self.from)?, Some(at(to)?))),
            None => Some((at(self.from)?, None)),
        }
    }

    /// The units of it that a signal of this format and so many units has.
    ///
    /// ```
    /// use nc_core::{AudioFormat, Format, SampleDepth};
    /// let format = Format::Audio(AudioFormat { rate: 16_000, channels: 1, depth: SampleDepth::I16 });
    /// let range: nc_media::Range = "3s..4s".parse()?;
    /// assert_eq!(range.within(&format, 50_000)?, 48_000..50_000);
    /// # Ok::<(), nc_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Usage for seconds of a signal that has none, and where it starts behind the end.
    pub fn within(&self, format: &Format, units: u64) -> CoreResult<std::ops::Range<u64>> {
        let (from, to) = self.units(units_per_second(format)).ok_or_else(|| {
            Error::Usage("the file has no seconds".into()).coded(code::NO_SECONDS)
        })?;
        if from > units {
            return Err(Error::Usage(format!(
                "the range starts at {from}, after the end at {units}"
            )));
        }
        let to = to.map_or(units, |to| to.min(units));
        if from > to {
            return Err(Error::Usage("the range ends before it starts".into()));
        }
        Ok(from..to)
    }
}

/// Units of a signal a second: samples, frames; none where the signal has no seconds.
pub fn units_per_second(format: &Format) -> Option<f64> {
    match format {
        Format::Audio(AudioFormat { rate, .. }) => Some(f64::from(*rate)),
        Format::Video(video) => video.fps(),
        _ => None,
    }
}

impl FromStr for Range {
    type Err = Error;

    fn from_str(s: &str) -> CoreResult<Self> {
        parse(s).map_err(Error::Usage)
    }
}

/// Reads a range.
///
/// # Errors
/// A sentence on what was expected.
pub fn parse(s: &str) -> Result<Range, String> {
    let (from, to) = s
        .split_once("..")
        .ok_or("expected FROM..TO, such as 30s..40s")?;
    let from = match from.trim() {
        "" => Point::Unit(0),
        p => point(p)?,
    };
    let to = match to.trim() {
        "" => None,
        p => Some(point(p)?),
    };
    let empty = match (from, to) {
        (Point::Unit(a), Some(Point::Unit(b))) => a > b,
        (Point::Seconds(a), Some(Point::Seconds(b))) => a > b,
        _ => false,
    };
    if empty {
        return Err("the range ends before it starts".into());
    }
    Ok(Range { from, to })
}

fn point(s: &str) -> Result<Point, String> {
    let wrong = || format!("{s:?} is neither a time (30s, 1:30, 500ms) nor a number of samples");
    let number = |s: &str| {
        s.parse::<f64>()
            .ok()
            .filter(|x| x.is_finite() && *x >= 0.0)
            .ok_or_else(wrong)
    };
    if s.contains(':') {
        // hours:minutes:seconds or minutes:seconds; all but the last are whole.
        let mut parts = s.split(':').rev();
        let mut seconds = number(parts.next().unwrap_or(""))?;
        let mut unit = 60.0;
        for part in parts {
            if unit > 3600.0 {
                return Err(wrong());
            }
            let whole: u32 = part.parse().map_err(|_| wrong())?;
            seconds += f64::from(whole) * unit;
            unit *= 60.0;
        }
        return Ok(Point::Seconds(seconds));
    }
    for (unit, scale) in [
        ("ms", 1e-3),
        ("s", 1.0),
        ("min", 60.0),
        ("m", 60.0),
        ("h", 3600.0),
    ] {
        if let Some(n) = s.strip_suffix(unit) {
            return Ok(Point::Seconds(number(n)? * scale));
        }
    }
    s.parse().map(Point::Unit).map_err(|_| wrong())
}

/// Reads a length of time: `90s`, `10m`, `1:30`.
///
/// # Errors
/// A sentence on what was expected.
pub fn duration(s: &str) -> Result<Duration, String> {
    match point(s.trim()) {
        Ok(Point::Seconds(s)) if s > 0.0 => {
            Duration::try_from_secs_f64(s).map_err(|e| e.to_string())
        }
        _ => Err("expected a time, such as 90s, 10m or 1:30:00".into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn times_and_samples() {
        let units = |s: &str| parse(s).unwrap().units(Some(16_000.0)).unwrap();
        assert_eq!(units("30s..40s"), (480_000, Some(640_000)));
        assert_eq!(units("1:30..1:40.5"), (1_440_000, Some(1_608_000)));
        assert_eq!(units("1:00:00.."), (57_600_000, None));
        assert_eq!(units("480000.."), (480_000, None));
        assert_eq!(units("..500ms"), (0, Some(8_000)));
        assert_eq!(units("1m..2min"), (960_000, Some(1_920_000)));
        assert_eq!(units(".."), (0, None));
        assert_eq!(units("5..5"), (5, Some(5)));
        assert_eq!(parse("1s..").unwrap().units(None), None);
        assert_eq!(parse("7..9").unwrap().units(None), Some((7, Some(9))));
    }

    #[test]
    fn lengths_of_time() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("10m"), duration("600s"));
        assert_eq!(duration("1:00:00"), duration("1h"));
        for s in ["", "90", "0s", "-1s", "1e300s", "xs"] {
            assert!(duration(s).is_err(), "{s}");
        }
    }

    #[test]
    fn nonsense() {
        for s in [
            "",
            "30s",
            "40s..30s",
            "9..3",
            "x..",
            "-1s..",
            "1:2:3:4..",
            "nans..",
            "1.5..2",
            "infs..",
            ":..",
            "1:-2..",
        ] {
            assert!(parse(s).is_err(), "{s}");
        }
    }
}
