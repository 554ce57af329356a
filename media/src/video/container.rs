//! Video out in a container that ffmpeg writes, with sound where there is any: frames go to it as Y4M through a pipe.
//!
//! It codes them again, with losses, which is said. Who wants the frames themselves names a `.y4m` file or a folder.

use std::path::{Path, PathBuf};

use nc_core::container::Meta;
use nc_core::{Result, Signal, VideoFormat};

use super::writer::Writer;
use crate::contract::{CreateOptions, WriteSignal, Written};
use crate::ffmpeg::{Muxer, Muxing};
use crate::output::{Finished, Output};
use crate::warning::{Warning, code};

/// How containers are made: endings of their names, what ffmpeg calls them, and its options.
const CONTAINERS: [(&[&str], &str, &[&str]); 6] = [
    (
        &["mp4", "m4v"],
        "mp4",
        &[
            "-c:v", "libx264", "-crf", "14", "-c:a", "aac", "-b:a", "192k",
        ],
    ),
    (
        &["mov"],
        "mov",
        &[
            "-c:v", "libx264", "-crf", "14", "-c:a", "aac", "-b:a", "192k",
        ],
    ),
    (
        &["mkv"],
        "matroska",
        &["-c:v", "libx264", "-crf", "14", "-c:a", "flac"],
    ),
    (
        &["webm"],
        "webm",
        &[
            "-c:v",
            "libvpx-vp9",
            "-crf",
            "20",
            "-b:v",
            "0",
            "-c:a",
            "libopus",
        ],
    ),
    (
        &["avi"],
        "avi",
        &["-c:v", "mpeg4", "-q:v", "2", "-c:a", "pcm_s16le"],
    ),
    (
        &["ts"],
        "mpegts",
        &[
            "-c:v", "libx264", "-crf", "14", "-c:a", "aac", "-b:a", "192k",
        ],
    ),
];

/// Whether a name asks for a container that pictures and sound go into together.
pub fn is_container(path: &Path) -> bool {
    of_name(path).is_some()
}

fn of_name(path: &Path) -> Option<(&'static str, &'static [&'static str])> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    let found = CONTAINERS
        .iter()
        .find(|(endings, ..)| endings.contains(&ending.as_str()));
    found.map(|(_, name, options)| (*name, *options))
}

/// A clip on its way into ffmpeg.
pub(crate) struct Container<'a> {
    /// Frames go into its pipe.
    frames: Writer<'a>,
    muxer: Muxer,
    output: Output<'a>,
}

impl<'a> Container<'a> {
    /// Starts it, where the name asks for a container.
    ///
    /// # Errors
    /// Usage where the output exists or there is no ffmpeg; I/O.
    pub(crate) fn create(
        path: &Path,
        format: VideoFormat,
        options: &CreateOptions<'_>,
    ) -> Result<Option<Self>> {
        let Some((name, how)) = of_name(path) else {
            return Ok(None);
        };
        let output = Output::create(path, options.input.as_deref(), options.overwrite)?;
        let Some(temporary) = output.temporary().map(PathBuf::from) else {
            // A device or a named pipe, which no container can be written to.
            return Ok(None);
        };
        let (muxer, pipe) = Muxer::start(&Muxing {
            sound: options.sound.as_deref(),
            container: name,
            options: how,
            to: &temporary,
        })?;
        let frames = Writer::y4m(Output::stream(pipe, "ffmpeg"), format, options)?;
        Ok(Some(Self {
            frames,
            muxer,
            output,
        }))
    }
}

impl<'a> WriteSignal<'a> for Container<'a> {
    fn add_metadata(&mut self, metadata: &[Meta]) -> Result<()> {
        self.frames.add_metadata(metadata)
    }

    fn write(&mut self, signal: Signal<'_>) -> Result<()> {
        let written = self.frames.write(signal);
        self.muxer.blame(written)
    }

    fn skip(&mut self, units: Option<u64>) -> Result<()> {
        let skipped = self.frames.skip(units);
        self.muxer.blame(skipped)
    }

    fn finish(self: Box<Self>) -> Result<(Written, Finished<'a>)> {
        let Self {
            frames,
            mut muxer,
            output,
        } = *self;
        let ended = Box::new(frames).finish().and_then(|(written, pipe)| {
            // The end of the pipe is the end of the clip.
            pipe.commit()?;
            Ok(written)
        });
        let mut written = muxer.blame(ended)?;
        muxer.finish()?;
        if let Some(temporary) = output.temporary() {
            written.bytes = std::fs::metadata(temporary)?.len();
        }
        let text = "ffmpeg codes pictures and sound again, with losses";
        written.warnings.push(Warning::new(code::CODED_AGAIN, text));
        Ok((written, Finished::Output(output)))
    }
}
