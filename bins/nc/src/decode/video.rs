//! Decoding video and images, whole or in part.
//!
//! The first line of a Y4M file comes from the metadata, which stands at the end of an nc file; so a
//! pipe is copied first, compressed as it is.

use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom};

use nc_core::container::Meta;
use nc_core::{Archive, Control, Decoder, Format, Opener, VideoFormat};

use super::{Done, Work, within};
use crate::batch::Job;
use crate::failure::{Failure, Result};
use crate::video_out::VideoOut;
use nc_media::video::y4m::{self, Head};

impl Work<'_> {
    /// Decodes a file of video.
    pub fn video(
        &self,
        job: &Job,
        file: File,
        opener: &dyn Opener,
        ctl: &mut Control<'_>,
    ) -> Result<Done> {
        let mut archive = Archive::open(BufReader::new(&file), self.ui.budget())?;
        let Format::Video(form) = archive.header().format else {
            return Err(Failure::format("not video"));
        };
        let head = head(form, archive.meta()?);
        let units = archive.units();
        let (from, to) = match &self.args.range {
            None => (0, units),
            Some(range) => within(*range, form.fps(), units)?,
        };
        if from == to {
            return Err(match units {
                0 => Failure::format("a video without a frame"),
                _ => Failure::usage("no frame lies in the range"),
            });
        }
        self.folder_of(job)?;
        let mut out = VideoOut::create(
            &job.output,
            &job.input,
            self.args.to.force,
            head,
            (from, to - from),
            archive.budget_mut(),
        )?;
        if (from, to) == (0, units) {
            // The decoder meets the metadata again.
            let budget = archive.budget().share();
            (&file).seek(SeekFrom::Start(0))?;
            let mut decoder = Decoder::new(BufReader::new(&file), opener, budget)?;
            while let Some(piece) = decoder.next(ctl)? {
                out.write(&piece)?;
            }
        } else {
            let write = &mut |piece| out.write(&piece);
            archive.decode_range(from..to, opener, ctl, write)?;
        }
        let bytes = out.commit()?;
        Ok(self.told(job, bytes, Format::Video(form), to - from, None))
    }
}

/// The first line of a Y4M file.
pub fn head(form: VideoFormat, meta: &[Meta]) -> Head {
    let kept = meta.iter().find(|m| m.tag == y4m::META);
    // No line is longer, and what is is not copied.
    let kept = kept.filter(|m| m.data.len() <= y4m::MOST_LINE);
    match kept.map(|m| std::str::from_utf8(&m.data)) {
        Some(Ok(kept)) => Head::again(form, kept),
        // A line of size and rate alone leaves no record.
        None if !form.rgb => Head::again(form, ""),
        _ => Head::of(form),
    }
}
