//! Which tracks of a file are meant, and where each goes.

use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use nc_core::tracks::Tracks;
use nc_core::{Error, Format, Header, MediaKind, Result};
use nc_media::range::{Point, units_per_second};
use nc_media::{Range, Warning, code};

use crate::Target;

/// A track of a file of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrackChoice {
    /// By its number, from 0.
    Number(usize),
    /// The first of this kind.
    Kind(MediaKind),
}

impl TrackChoice {
    /// Number of the track that is meant among those of these forms.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is none.
    pub(crate) fn among(self, formats: &[Format]) -> Result<usize> {
        let found = match self {
            Self::Number(n) => (n < formats.len()).then_some(n),
            Self::Kind(kind) => formats.iter().position(|f| f.kind() == kind),
        };
        found.ok_or_else(|| {
            let kinds: Vec<_> = formats.iter().map(|f| f.kind().name()).collect();
            Error::Usage(format!("no such track; the file has {}", kinds.join(", ")))
        })
    }
}

/// A number, or `video` or `sound` (or `audio`).
impl FromStr for TrackChoice {
    type Err = Error;

    fn from_str(s: &str) -> Result<Self> {
        match s {
            "video" => Ok(Self::Kind(MediaKind::Video)),
            "sound" | "audio" => Ok(Self::Kind(MediaKind::Audio)),
            _ => s.parse().map(Self::Number).map_err(|_| {
                Error::Usage(format!("{s:?} is no track: name video, sound or a number"))
            }),
        }
    }
}

/// The forms of all tracks, from their headers.
///
/// # Errors
/// Those of [`Header::read`].
pub(crate) fn formats<R: Read + Seek>(tracks: &Tracks<R>) -> Result<Vec<Format>> {
    let format = |number| Ok(Header::read(tracks.track(number)?)?.format);
    (0..tracks.count()).map(format).collect()
}

/// Where the tracks of a file go.
pub(crate) struct Places<'t> {
    /// Numbers of tracks with their outputs; never none.
    pub(crate) first: (usize, Target<'t>),
    pub(crate) beside: Vec<(usize, Target<'t>)>,
    /// Tracks that are not written.
    pub(crate) warnings: Vec<Warning>,
}

/// Ending of the files that sound is written to.
const SOUND: &str = "wav";

/// Plans where tracks of these forms go: a path that is named as sound gets the sound; any other gets the first track that is
/// no sound, and sound goes beside it under the same name with another ending.
///
/// # Errors
/// [`Error::Usage`] for a stream, which holds one track, where none is chosen.
pub(crate) fn places<'t>(
    formats: &[Format],
    choice: Option<TrackChoice>,
    to: Target<'t>,
) -> Result<Places<'t>> {
    let alone = |number, to| Places {
        first: (number, to),
        beside: Vec::new(),
        warnings: Vec::new(),
    };
    if let Some(choice) = choice {
        return Ok(alone(choice.among(formats)?, to));
    }
    if formats.len() == 1 {
        return Ok(alone(0, to));
    }
    let is_sound = |f: &Format| f.kind() == MediaKind::Audio;
    let main = formats.iter().position(|f| !is_sound(f)).unwrap_or(0);
    let others = (0..formats.len()).filter(|n| *n != main);
    match to {
        Target::Nothing => Ok(Places {
            first: (main, Target::Nothing),
            beside: others.map(|n| (n, Target::Nothing)).collect(),
            warnings: Vec::new(),
        }),
        Target::Stream(_) => {
            let why = "a stream takes one track, and the file has several";
            Err(Error::Usage(why.into()).coded(code::SEVERAL_TRACKS))
        }
        Target::Path(path) => {
            let ending = path.extension().and_then(|e| e.to_str());
            let sound = formats.iter().position(is_sound);
            if let Some(sound) =
                sound.filter(|_| ending.is_some_and(|e| e.eq_ignore_ascii_case(SOUND)))
            {
                let left = (0..formats.len()).filter(|n| *n != sound).count();
                let text = format!("{left} of {} tracks not written", formats.len());
                let mut places = alone(sound, Target::Path(path));
                places.warnings = vec![Warning::new(code::TRACK_LEFT_OUT, text)];
                return Ok(places);
            }
            let beside = others
                .enumerate()
                .map(|(i, n)| (n, Target::Path(name(&path, i))));
            Ok(Places {
                beside: beside.collect(),
                first: (main, Target::Path(path)),
                warnings: Vec::new(),
            })
        }
    }
}

/// Name of the file of the `i`th track beside the first.
fn name(path: &Path, i: usize) -> PathBuf {
    match i {
        0 => path.with_extension(SOUND),
        _ => path.with_extension(format!("{}.{SOUND}", i + 1)),
    }
}

/// A range as a track takes it: units are those of the first track, and the same stretch of time of the others.
///
/// # Errors
/// [`Error::Usage`] for units of a signal that has no seconds.
pub(crate) fn in_seconds(range: Range, first: &Format) -> Result<Range> {
    let rate = units_per_second(first);
    let seconds = |point| -> Result<Point> {
        match point {
            Point::Seconds(s) => Ok(Point::Seconds(s)),
            Point::Unit(n) => {
                let none =
                    || Error::Usage("the file has no seconds".into()).coded(code::NO_SECONDS);
                Ok(Point::Seconds(n as f64 / rate.ok_or_else(none)?))
            }
        }
    };
    Ok(Range {
        from: seconds(range.from)?,
        to: range.to.map(seconds).transpose()?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use nc_core::{AudioFormat, Chroma, Colour, SampleDepth, VideoFormat};

    use super::*;

    fn forms() -> [Format; 2] {
        let video = VideoFormat {
            width: 16,
            height: 16,
            rate: [25, 1],
            chroma: Chroma::C420,
            bits: 8,
            colour: Colour::Video,
            alpha: false,
        };
        let sound = AudioFormat {
            rate: 48_000,
            channels: 2,
            depth: SampleDepth::I16,
        };
        [Format::Video(video), Format::Audio(sound)]
    }

    fn path<'a>(to: &'a Target<'_>) -> &'a Path {
        match to {
            Target::Path(path) => path,
            _ => panic!("no path"),
        }
    }

    #[test]
    fn each_track_has_a_place() {
        for (to, first, beside) in [
            ("a.y4m", "a.y4m", "a.wav"),
            ("frames", "frames", "frames.wav"),
            ("x.y/clip.mkv", "x.y/clip.mkv", "x.y/clip.wav"),
        ] {
            let plan = places(&forms(), None, to.into()).unwrap();
            assert_eq!((plan.first.0, path(&plan.first.1)), (0, Path::new(first)));
            assert_eq!(plan.beside.len(), 1);
            let (number, to) = &plan.beside[0];
            assert_eq!((*number, path(to)), (1, Path::new(beside)));
        }
        let plan = places(&forms(), None, "a.WAV".into()).unwrap();
        assert_eq!((plan.first.0, plan.beside.len()), (1, 0));
        assert_eq!(plan.warnings[0].code, code::TRACK_LEFT_OUT);
        let stream = Target::stream(std::io::sink());
        assert!(places(&forms(), None, stream).is_err());
        let choice = "sound".parse().unwrap();
        let plan = places(&forms(), Some(choice), "a".into()).unwrap();
        assert_eq!((plan.first.0, plan.beside.len()), (1, 0));
        for none in ["2", "frames", ""] {
            let choice: Result<TrackChoice> = none.parse();
            assert!(choice.and_then(|c| c.among(&forms())).is_err(), "{none}");
        }
    }

    #[test]
    fn a_range_of_frames_is_one_of_time() {
        let [video, sound] = forms();
        let range = in_seconds("25..50".parse().unwrap(), &video).unwrap();
        assert_eq!(range.within(&sound, 1_000_000).unwrap(), 48_000..96_000);
        assert_eq!(range.within(&video, 1_000).unwrap(), 25..50);
    }
}
