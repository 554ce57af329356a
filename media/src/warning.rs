//! What is odd about a file, or was not kept of it, and the codes by which programs know it.
//!
//! A code stays the same from version to version; its words may change. Errors of this crate that a program may want to
//! act on have codes too: [`nc_core::Error::Told`] carries them.

pub use nc_core::Warning;

/// Codes of warnings and errors.
pub mod code {
    /// Warning: samples that were infinite or not numbers became 0.
    pub const NOT_NUMBERS: &str = "samples-not-numbers";
    /// Warning: the header gives no length, and everything to the end was read.
    pub const NO_LENGTH: &str = "length-not-told";
    /// Warning: the header tells more than is there, and what is there was read.
    pub const ENDS_EARLY: &str = "ends-early";
    /// Warning or error: another file follows in the same one, and was left out or is of another form.
    pub const ANOTHER_FOLLOWS: &str = "another-follows";
    /// Warning: samples of 64 bits were rounded to 32.
    pub const ROUNDED: &str = "samples-rounded";
    /// Warning: some of what the file says beside its signal has no place in an nc file or its output.
    pub const METADATA_NOT_KEPT: &str = "metadata-not-kept";
    /// Warning: samples have fewer bits than before.
    pub const BITS_REDUCED: &str = "bits-reduced";
    /// Warning: how opaque pixels are was left out.
    pub const OPACITY_LEFT_OUT: &str = "opacity-left-out";
    /// Warning: colours were turned into others of nearly the same look.
    pub const COLOURS_CONVERTED: &str = "colours-converted";
    /// Warning: columns of a table that the model does not have are kept beside it.
    pub const COLUMNS_ADDED: &str = "columns-added";
    /// Warning: the model has columns that the table does not have.
    pub const COLUMNS_MISSING: &str = "columns-missing";
    /// Warning: another program codes the signal again, with losses.
    pub const CODED_AGAIN: &str = "coded-again";
    /// Warning: files of a folder that are none of its frames were left out.
    pub const OTHER_FILES: &str = "other-files";
    /// Warning: the numbers of frames have gaps.
    pub const GAPS: &str = "frame-numbers-have-gaps";
    /// Warning: frames of an animation were left out.
    pub const FRAMES_LEFT_OUT: &str = "frames-left-out";
    /// Warning: the file is larger than was asked for, and the codec gives no smaller one.
    pub const GOAL_NOT_MET: &str = "goal-not-met";
    /// Warning: frames come at an uneven pace, which is not kept.
    pub const UNEVEN_RATE: &str = "uneven-frame-rate";
    /// Warning: frames are of two fields, which is not kept.
    pub const INTERLACED: &str = "interlaced";
    /// Warning: other tracks of the file were left out.
    pub const OTHER_TRACKS: &str = "other-tracks-left-out";
    /// Warning: the last sample lacks bytes and was left out.
    pub const INCOMPLETE_SAMPLE: &str = "last-sample-incomplete";
    /// Warning: bytes that are no chunk follow the last one and were left out.
    pub const BYTES_AFTER: &str = "bytes-after-the-end";
    /// Warning: a chunk of metadata is cut off and was left out.
    pub const METADATA_CUT: &str = "metadata-cut-off";
    /// Warning: metadata came after it could be written.
    pub const METADATA_LATE: &str = "metadata-too-late";
    /// Warning: what single frames say of themselves was left out.
    pub const FRAME_PARAMETERS: &str = "frame-parameters";
    /// Warning: ffmpeg complained of the file that it read.
    pub const FFMPEG_SAID: &str = "ffmpeg-said";

    /// Warning: a track of the file was not written.
    pub const TRACK_LEFT_OUT: &str = "track-left-out";

    /// Error: something shows through the pictures, and no background is given.
    pub const TRANSPARENT: &str = "transparent";
    /// Error: a coding that this build does not read.
    pub const ENCODING_NOT_READ: &str = "encoding-not-read";
    /// Error: several tracks do not fit the output.
    pub const SEVERAL_TRACKS: &str = "several-tracks";
    /// Error: the output exists.
    pub const OUTPUT_EXISTS: &str = "output-exists";
    /// Error: the output is a folder.
    pub const OUTPUT_IS_FOLDER: &str = "output-is-folder";
    /// Error: the output is the current folder, which cannot be replaced.
    pub const CURRENT_FOLDER: &str = "output-is-current-folder";
    /// Error: the input is a folder.
    pub const INPUT_IS_FOLDER: &str = "input-is-folder";
    /// Error: a folder has no images.
    pub const NO_IMAGES: &str = "no-images";
    /// Error: many frames were to become one image.
    pub const MANY_FRAMES: &str = "many-frames";
    /// Error: video is not written in the format that the name asks for, but ffmpeg does.
    pub const NOT_WRITTEN: &str = "format-not-written";
    /// Error: the name does not say which format video is to have.
    pub const FORMAT_UNKNOWN: &str = "format-unknown";
    /// Error: ffmpeg would be needed and is not there.
    pub const NO_FFMPEG: &str = "no-ffmpeg";
    /// Error: the input is an nc file already.
    pub const IS_NC: &str = "is-nc-already";
    /// Error: the input is media, and an nc file was expected.
    pub const NOT_NC: &str = "not-nc";
    /// Error: video was asked for, and this is none.
    pub const NOT_VIDEO: &str = "not-video";
    /// Error: a range in seconds of something that has none.
    pub const NO_SECONDS: &str = "no-seconds";
    /// Error: records need a schema, and none was given.
    pub const NO_SCHEMA: &str = "no-schema";
    /// Error: this build lacks the feature that reads or writes the format.
    pub const NOT_BUILT_IN: &str = "not-built-in";
}
