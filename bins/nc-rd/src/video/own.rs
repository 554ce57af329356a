//! nc's codec on a clip, through the library, by way of a file on disk.
//!
//! The file is what `nc encode` writes, with the rest of a Y4M file's first line in it. A pool of as
//! many threads as were asked for is around each call, because that is what the codecs' parts use.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use nc_core::{
    Budget, Codec, Control, Decoder, Effort, Encoder, Format, Goal, Registry, Signal, SignalBuf,
    Video, VideoBuf,
};
use nc_corpora::video::Clip;
use nc_media::video::y4m;

use super::rows::Row;

/// Frames given to the encoder at once.
const AT_ONCE: usize = 16;

/// A clip coded and decoded again.
pub struct Coded {
    /// Size of the file.
    pub bytes: u64,
    /// Wall time to encode, in seconds.
    pub encode_s: f64,
    /// Frames decoded in a second on one thread.
    pub decode_fps: f64,
    /// What came back.
    pub video: VideoBuf,
    /// What the encoder said of itself.
    pub about: String,
}

/// A codec ready for use.
#[derive(Clone)]
pub struct Opened {
    registry: Registry,
    codec: Arc<dyn Codec>,
}

impl Opened {
    /// The codec of this name.
    ///
    /// # Errors
    /// Where there is none.
    pub fn new(name: &str) -> Result<Self> {
        let registry = nc::registry();
        let codec = registry
            .open_for_encoding(registry.by_name(name)?, None)?
            .into();
        Ok(Self { registry, codec })
    }
}

/// One point of one setting.
pub struct Task {
    /// The codec.
    pub codec: Opened,
    /// Line of the fair table, where this is one.
    pub seed: Option<String>,
    /// Goal, as a user would say it.
    pub point: String,
    /// Goal.
    pub goal: Goal,
    /// Effort.
    pub effort: Effort,
    /// Time for encoding.
    pub limit: Option<Duration>,
    /// Switches.
    pub options: BTreeMap<String, String>,
}

impl Task {
    /// A row to be filled.
    pub fn row(&self, clip: &Clip) -> Row {
        let effort = match self.effort {
            Effort::Fast => "fast",
            Effort::Medium => "medium",
            Effort::Slow => "slow",
        };
        let mut parts = vec![effort.to_string()];
        parts.extend(self.limit.map(|t| format!("{} s", t.as_secs_f64())));
        parts.extend(self.options.iter().map(|(k, v)| format!("{k}={v}")));
        let whole = parts.join(", ");
        let name = self.codec.codec.info().name;
        Row {
            clip: clip.name.clone(),
            codec: format!("nc {name}"),
            setting: self.seed.clone().unwrap_or_else(|| whole.clone()),
            point: self.point.clone(),
            description: format!("nc {} {name}, {whole}", env!("CARGO_PKG_VERSION")),
            seed: self.seed.is_some(),
            ..Row::default()
        }
    }

    /// Codes the clip with so many threads, 0 for one a core.
    ///
    /// # Errors
    /// Those of the codec, I/O.
    pub fn code(&self, clip: &Clip, threads: usize) -> Result<Coded> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("clip.nc");
        let encode_s = pool(threads)?.install(|| self.encode(clip, threads, &path))?;
        let bytes = std::fs::metadata(&path)?.len();
        // The first time memory is fresh and code is cold; that one is judged, the second is timed.
        let alone = pool(1)?;
        let (video, _) = alone.install(|| self.decode(&path))?;
        let (_, decode_s) = alone.install(|| self.decode(&path))?;
        Ok(Coded {
            bytes,
            encode_s,
            decode_fps: clip.frames() as f64 / decode_s.max(1e-9),
            video,
            about: String::new(),
        })
    }

    /// Writes the file; gives the seconds that it took.
    fn encode(&self, clip: &Clip, threads: usize, path: &Path) -> Result<f64> {
        let mut ctl = Control {
            threads,
            effort: self.effort,
            time_limit: self.limit,
            options: self.options.clone(),
            ..Control::default()
        };
        let video = clip.video.view();
        let start = Instant::now();
        let mut encoder = Encoder::new(
            BufWriter::new(File::create(path)?),
            self.codec.codec.as_ref(),
            Format::Video(video.format),
            Some(clip.frames() as u64),
            self.goal,
        )?;
        let kept = clip.head.kept();
        if !kept.is_empty() {
            encoder.add_meta(y4m::META, kept.as_bytes());
        }
        let size = video.format.frame_samples()?.saturating_mul(AT_ONCE);
        for samples in video.samples.chunks(size.max(1)) {
            let format = video.format;
            encoder.push(Signal::Video(Video { format, samples }), &mut ctl)?;
        }
        let (mut file, _) = encoder.finish(&mut ctl)?;
        file.flush()?;
        Ok(start.elapsed().as_secs_f64())
    }

    /// Reads the file on one thread; gives its frames and the seconds that it took.
    fn decode(&self, path: &Path) -> Result<(VideoBuf, f64)> {
        let mut ctl = Control {
            threads: 1,
            ..Control::default()
        };
        let opener = self.codec.registry.opener(Vec::new());
        let start = Instant::now();
        let file = BufReader::new(File::open(path)?);
        let mut decoder = Decoder::new(file, &opener, Budget::default())?;
        let mut whole: Option<VideoBuf> = None;
        while let Some(piece) = decoder.next(&mut ctl)? {
            let SignalBuf::Video(piece) = piece else {
                bail!("video went in and something else came out");
            };
            match &mut whole {
                None => whole = Some(piece),
                Some(whole) => whole.samples.extend(piece.samples),
            }
        }
        match whole {
            Some(video) => Ok((video, start.elapsed().as_secs_f64())),
            None => bail!("nothing came back"),
        }
    }
}

fn pool(threads: usize) -> Result<rayon::ThreadPool> {
    Ok(rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()?)
}
