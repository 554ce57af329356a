//! What is asked of an encode, and of a decode.

use std::path::PathBuf;
use std::time::Duration;

use nc_core::{Effort, Goal, Model, Options};

/// What is asked of an encode. All of it has a default: what the codec thinks best for the signal.
///
/// ```
/// let settings = nc::Settings::bitrate(3_000).effort(nc::Effort::Slow).verify(true);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Settings {
    pub(crate) goal: Option<Goal>,
    pub(crate) codec: Option<String>,
    pub(crate) model: Option<Model>,
    pub(crate) effort: Effort,
    pub(crate) time_limit: Option<Duration>,
    pub(crate) options: Options,
    pub(crate) frame_rate: Option<[u32; 2]>,
    pub(crate) sound: Option<PathBuf>,
    pub(crate) without_metadata: bool,
    pub(crate) background: Option<[u8; 3]>,
    pub(crate) checkpoints: Option<PathBuf>,
    pub(crate) resume: bool,
    pub(crate) seed: u64,
    pub(crate) verify: bool,
    pub(crate) strict: bool,
    pub(crate) overwrite: bool,
    pub(crate) make_folders: bool,
}

impl Settings {
    /// The codec preferred for what the file is, at its own default.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A goal.
    #[must_use]
    pub fn goal(mut self, goal: Goal) -> Self {
        self.goal = Some(goal);
        self
    }

    /// Bits per second of the whole file on disk, of sound or video.
    #[must_use]
    pub fn bitrate(bits: u32) -> Self {
        Self::new().goal(Goal::Bitrate(bits))
    }

    /// Bytes of the whole file on disk at most.
    #[must_use]
    pub fn bytes(bytes: u64) -> Self {
        Self::new().goal(Goal::Bytes(bytes))
    }

    /// 0 (smallest) to 10 (best), on the codec's own scale.
    #[must_use]
    pub fn quality(quality: f32) -> Self {
        Self::new().goal(Goal::Quality(quality))
    }

    /// Exactly what was there.
    #[must_use]
    pub fn lossless() -> Self {
        Self::new().goal(Goal::Exact)
    }

    /// The codec of this name, and no other.
    #[must_use]
    pub fn codec(mut self, name: impl Into<String>) -> Self {
        self.codec = Some(name.into());
        self
    }

    /// The model to code with; by default the one that the codec has embedded.
    #[must_use]
    pub fn model(mut self, model: Model) -> Self {
        self.model = Some(model);
        self
    }

    /// Work that a codec with a choice puts into the file.
    #[must_use]
    pub fn effort(mut self, effort: Effort) -> Self {
        self.effort = effort;
        self
    }

    /// Time that a codec which learns while it encodes may take for the file.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    /// An option of the codec's own: those in [`nc_core::CodecInfo::options`].
    #[must_use]
    pub fn option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.set(name, value);
        self
    }

    /// Frames per second of a folder of images, as a fraction.
    #[must_use]
    pub fn frame_rate(mut self, rate: [u32; 2]) -> Self {
        self.frame_rate = Some(rate);
        self
    }

    /// A file of sound that becomes a track beside the pictures, in the place of a sound that they have.
    #[must_use]
    pub fn sound(mut self, path: impl Into<PathBuf>) -> Self {
        self.sound = Some(path.into());
        self
    }

    /// The colour, as red, green and blue, that shows through pictures which are not opaque; without one they are refused.
    #[must_use]
    pub fn background(mut self, colour: [u8; 3]) -> Self {
        self.background = Some(colour);
        self
    }

    /// Whether what the file says beside its signal, such as its title, is left out.
    #[must_use]
    pub fn without_metadata(mut self, without: bool) -> Self {
        self.without_metadata = without;
        self
    }

    /// Folder where such a codec keeps its state; `resume` goes on from what is there, where it is of the same work.
    #[must_use]
    pub fn checkpoints(mut self, folder: impl Into<PathBuf>, resume: bool) -> Self {
        self.checkpoints = Some(folder.into());
        self.resume = resume;
        self
    }

    /// Seed of everything random.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Whether the file is decoded, to the end of what decoding would write, before it gets its name.
    #[must_use]
    pub fn verify(mut self, verify: bool) -> Self {
        self.verify = verify;
        self
    }

    /// Whether whatever is odd about the input, or would not be kept of it, is an error ([`nc_core::Error::NotKept`]); the
    /// output is not written then.
    #[must_use]
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// Whether a file that exists is replaced.
    #[must_use]
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.overwrite = overwrite;
        self
    }

    /// Whether folders that the output lies in are made.
    #[must_use]
    pub fn make_folders(mut self, make: bool) -> Self {
        self.make_folders = make;
        self
    }
}

/// What is asked of a decode.
#[derive(Debug, Clone, Default)]
pub struct DecodeSettings {
    pub(crate) range: Option<nc_media::Range>,
    pub(crate) track: Option<crate::TrackChoice>,
    pub(crate) only: Vec<String>,
    pub(crate) recover: bool,
    /// Sound for the container that the pictures go into.
    pub(crate) sound: Option<PathBuf>,
    pub(crate) strict: bool,
    pub(crate) overwrite: bool,
    pub(crate) make_folders: bool,
}

impl DecodeSettings {
    /// All of a sound file.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A part of the signal, in units or seconds: `"3s..4s".parse()?`.
    #[must_use]
    pub fn range(mut self, range: nc_media::Range) -> Self {
        self.range = Some(range);
        self
    }

    /// One track of a file of several: `"sound".parse()?`. Without a choice all are written, each to a file of its own.
    #[must_use]
    pub fn track(mut self, track: crate::TrackChoice) -> Self {
        self.track = Some(track);
        self
    }

    /// Of a table these columns alone.
    #[must_use]
    pub fn only(mut self, columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.only = columns.into_iter().map(Into::into).collect();
        self
    }

    /// What is left of a damaged file: lost stretches are concealed where they can be, and told.
    #[must_use]
    pub fn recover(mut self, recover: bool) -> Self {
        self.recover = recover;
        self
    }

    /// Whether whatever the output cannot hold is an error ([`nc_core::Error::NotKept`]); the output is not written then.
    #[must_use]
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// Whether a file that exists is replaced.
    #[must_use]
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.overwrite = overwrite;
        self
    }

    /// Whether folders that the output lies in are made.
    #[must_use]
    pub fn make_folders(mut self, make: bool) -> Self {
        self.make_folders = make;
        self
    }
}
