//! Encoding video and images.
//!
//! A clip of one chunk has a short header where its length is known when it begins, and pipes know
//! none: so many frames are read ahead as make a chunk, which the encoder would hold anyhow.

use std::collections::VecDeque;
use std::time::Duration;

use nc_core::{Control, Encoder, Format, Goal, Signal, Video};

use super::{Done, Work};
use crate::batch::Job;
use crate::failure::{Failure, Result};
use crate::foreign;
use crate::input::{Input, Kind};
use crate::models::Shared;
use crate::output::is_dash;
use crate::signals;
use crate::ui::label;
use crate::video_in::VideoIn;

/// Quality where no goal is given.
const DEFAULT_QUALITY: f32 = 5.0;
/// Frames per second of a folder, where nothing is said.
const DEFAULT_RATE: [u32; 2] = [24, 1];
/// How long a stop waits for a checkpoint.
const PATIENCE: Duration = Duration::from_secs(600);

/// What an input turned out to be.
pub enum Found {
    /// Video, opened.
    Video(Box<VideoIn>),
    /// Something else.
    Other(Input, Kind),
}

impl Work<'_> {
    /// Opens an input, as video where it is.
    pub fn look(&self, job: &Job) -> Result<Found> {
        let only_rate = "--rate is for folders of images: other files say theirs";
        let budget = self.ui.budget();
        let path = &job.input;
        if !self.may_be_video() {
            if self.args.rate.is_some() {
                return Err(Failure::usage(only_rate));
            }
            let (input, kind) = Input::open(path)?;
            return Ok(Found::Other(input, kind));
        }
        let video = |v| Ok(Found::Video(Box::new(v)));
        if !is_dash(path) && path.is_dir() {
            let rate = self.args.rate.unwrap_or(DEFAULT_RATE);
            return video(VideoIn::folder(path, rate, budget)?);
        }
        if self.args.rate.is_some() {
            return Err(Failure::usage(only_rate));
        }
        let (input, kind) = Input::open(path)?;
        if kind.is_video() {
            return video(VideoIn::open(input, kind, budget)?);
        }
        if matches!(kind, Kind::Nc | Kind::Empty) || is_dash(path) || !foreign::is_video(path) {
            return Ok(Found::Other(input, kind));
        }
        drop(input);
        let opened = VideoIn::foreign(path, budget);
        video(opened.map_err(|f| match (&f.hint, kind.is_audio()) {
            (None, true) => f.hint("--codec grvq encodes its sound"),
            _ => f,
        })?)
    }

    /// Does work that saves its state when it is stopped, which may take as long as the step at hand.
    fn patient<T>(&self, work: impl FnOnce() -> T) -> T {
        if self.args.checkpoints.is_none() {
            return work();
        }
        signals::set_grace(PATIENCE);
        let done = work();
        signals::set_grace(signals::GRACE);
        done
    }

    /// Encodes an opened video.
    pub fn video(
        &self,
        job: &Job,
        mut video: VideoIn,
        codec: &Shared<'_>,
        ctl: &mut Control<'_>,
    ) -> Result<Done> {
        let codec = codec.get()?;
        let form = video.format();
        let format = Format::Video(form);
        let most = codec.plan(&format)?.chunk;
        let mut length = video.length();
        let mut ahead = VecDeque::new();
        // What is read ahead goes to the encoder frame by frame, which then has the same room for it.
        let mut room = self.ui.budget();
        while length.is_none() && ahead.len() as u64 <= most {
            ctl.check()?;
            room.charge((form.frame_samples()? as u64).saturating_mul(2))?;
            match video.next()? {
                Some(frame) => ahead.push_back(frame),
                None => length = Some(ahead.len() as u64),
            }
        }
        if length == Some(0) {
            return Err(Failure::format("a video without a frame"));
        }
        let goal = self.goal().unwrap_or(Goal::Quality(DEFAULT_QUALITY));
        self.ui.detail(format_args!(
            "{}: {} x {}, {} bits, by {}",
            label(&job.input),
            form.width,
            form.height,
            form.bits,
            codec.info().name,
        ));
        let mut out = self.create(job)?;
        let mut encoder = Encoder::new(&mut out, codec, format, length, goal)?;
        encoder.set_budget(self.ui.budget());
        if !video.kept().is_empty() {
            encoder.add_meta(nc_media::video::y4m::META, video.kept().as_bytes());
        }
        loop {
            ctl.check()?;
            let frame = match ahead.pop_front() {
                Some(frame) => frame,
                None => match video.next()? {
                    Some(frame) => frame,
                    None => break,
                },
            };
            let frame = Video {
                format: form,
                samples: &frame,
            };
            self.patient(|| encoder.push(Signal::Video(frame), ctl))?;
        }
        let (_, summary) = self.patient(|| encoder.finish(ctl))?;
        self.finish(job, out, summary, format, &video.warnings())
    }
}
