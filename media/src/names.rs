//! Names of outputs, where only a folder for them is given.

use std::fs::File;
use std::path::{Path, PathBuf};

use nc_core::{Format, Header};

/// Name of the nc file made of a file. Sound and video change their ending, as decoding will; other files keep theirs, so
/// that decoding gives back the name.
///
/// ```
/// use std::path::Path;
/// use nc_media::names::encoded;
/// assert_eq!(encoded(Path::new("a/talk.wav"), false), Path::new("talk.nc"));
/// assert_eq!(encoded(Path::new("a/table.csv"), true), Path::new("table.csv.nc"));
/// ```
pub fn encoded(input: &Path, keeps_ending: bool) -> PathBuf {
    let name = file_name(input);
    if keeps_ending {
        let mut name = name.into_os_string();
        name.push(".nc");
        name.into()
    } else {
        name.with_extension("nc")
    }
}

/// Name of the file made of an nc file, by what its header says that it holds.
pub fn decoded(input: &Path) -> PathBuf {
    let name = file_name(input);
    let header = File::open(input).ok().and_then(|f| Header::read(f).ok());
    let ending = header.and_then(|h| ending(&h.format, h.length));
    match (ending, name.extension()) {
        (Some(ending), _) => name.with_extension(ending),
        (None, Some(e)) if e == "nc" => name.with_extension(""),
        _ => {
            let mut name = name.into_os_string();
            name.push(".out");
            name.into()
        }
    }
}

/// Ending of a file of this format and length; none where it is the original's own.
pub fn ending(format: &Format, length: Option<u64>) -> Option<&'static str> {
    match format {
        Format::Audio(..) => Some("wav"),
        // An image has one frame and no time.
        Format::Video(v) if v.fps().is_none() && length == Some(1) => Some("png"),
        Format::Video(_) => Some("y4m"),
        _ => None,
    }
}

/// The last part of a path; empty where it has none, such as `..`.
fn file_name(path: &Path) -> PathBuf {
    path.file_name().map(PathBuf::from).unwrap_or_default()
}
