//! What is in an nc file, from its frames alone; no model is loaded.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use nc_core::tracks::{self, Track, Tracks};
use nc_core::{
    Archive, AudioFormat, Chroma, Colour, Error, Format, RecordsFormat, Result, SampleDepth,
};
use serde::Serialize;

use crate::encode::kbps;
use crate::{Source, Toolkit};

/// Memory of one piece of metadata in a report, at most.
const PIECE: u64 = 2048;

/// The facts of one file, under the names that `nc info --json` prints.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Info {
    /// Major and minor version of the file format.
    pub version: [u8; 2],
    /// Name of the codec, or its number.
    pub codec: String,
    /// Version of the payloads' layout.
    pub bitstream: u8,
    /// The model that decoding needs.
    pub model: Option<String>,
    /// Kind of media.
    pub kind: &'static str,
    /// Samples per second, of sound.
    pub rate: Option<u32>,
    /// Channels, of sound.
    pub channels: Option<u16>,
    /// Form of the original's samples, of sound.
    pub depth: Option<&'static str>,
    /// Variables of a record.
    pub variables: Option<u32>,
    /// Form of video.
    pub video: Option<VideoInfo>,
    /// Units of the signal.
    pub units: u64,
    /// Length, where the signal has time.
    pub seconds: Option<f64>,
    /// Bytes of the file.
    pub bytes: u64,
    /// Bytes of all payloads.
    pub payload: u64,
    /// Bytes around them.
    pub overhead: u64,
    /// Rate of the whole file, where the signal has time.
    pub kbps: Option<f64>,
    /// Chunks.
    pub chunks: usize,
    /// Units that chunks code beyond their end.
    pub overlap: u32,
    /// Whether the file says what its output hashes to.
    pub output_hash: bool,
    /// Pieces of the original's metadata.
    pub metadata: Vec<MetaInfo>,
    /// The other tracks, of a file of several; what stands above is the first, with the bytes of the whole file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tracks: Vec<Info>,
}

/// The form of video.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct VideoInfo {
    /// Samples across.
    pub width: u32,
    /// Samples down.
    pub height: u32,
    /// Frames per second as a fraction.
    pub rate: [u32; 2],
    /// Size of the planes of colour.
    pub chroma: &'static str,
    /// Bits of a sample.
    pub bits: u8,
    /// What the planes hold: `video` (as cameras have it), `image` (full-range YCbCr made from RGB, or grey) or `rgb`.
    pub colour: &'static str,
    /// Whether there is a plane that says how opaque pixels are.
    pub opacity: bool,
    /// Frames per second.
    pub fps: Option<f64>,
    /// Bits of the whole file for each pixel of each frame.
    pub bits_per_pixel: Option<f64>,
}

/// A piece of metadata.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct MetaInfo {
    /// Its tag, what cannot be seen escaped.
    pub tag: String,
    /// Bytes.
    pub bytes: usize,
}

impl Toolkit {
    /// Tells what is in an nc file.
    ///
    /// # Errors
    /// [`Error::Format`] for damage, [`Error::Limit`], [`Error::Io`].
    pub fn info(&self, from: impl Into<Source>) -> Result<Info> {
        let file = crate::endpoint::seekable(from.into())?;
        let tracks = Tracks::open(file, self.budget())?;
        let mut info = self.info_of(tracks.track(0)?)?;
        for number in 1..tracks.count() {
            info.tracks.push(self.info_of(tracks.track(number)?)?);
        }
        if tracks.several() {
            info.version = tracks::VERSION;
            info.bytes = tracks.bytes();
            let payload: u64 = info.tracks.iter().map(|t| t.payload).sum();
            // Payloads lie in the file.
            info.overhead = info.bytes - info.payload - payload;
            info.kbps = kbps(info.bytes, info.seconds);
        }
        Ok(info)
    }

    /// Tells what is in a track.
    fn info_of(&self, mut file: Track<File>) -> Result<Info> {
        let mut version = [0; 10];
        file.read_exact(&mut version)
            .map_err(|_| Error::Format("the file ends early".into()))?;
        let [.., major, minor] = version;
        file.seek(SeekFrom::Start(0))?;
        let mut archive = Archive::open(file, self.budget())?;
        let header = *archive.header();
        let (payload, pieces) = (archive.payload()?, archive.meta()?.len() as u64);
        let mut held = archive.budget().share();
        // More than a number holds is too much.
        held.charge(pieces.saturating_mul(PIECE))?;
        let metadata = archive.meta()?.iter().map(|m| MetaInfo {
            tag: m.tag.escape_ascii().to_string(),
            bytes: m.data.len(),
        });
        let metadata = metadata.collect();
        let (units, bytes) = (archive.units(), archive.bytes());
        let seconds = header.format.seconds(units);
        let family = self.registry().by_id(header.codec);
        let mut info = Info {
            version: [major, minor],
            codec: family.map_or_else(
                |_| format!("unknown ({})", header.codec.0),
                |f| f.info().name.to_owned(),
            ),
            bitstream: header.bitstream,
            model: header.model.map(|m| m.to_string()),
            kind: header.format.kind().name(),
            rate: None,
            channels: None,
            depth: None,
            variables: None,
            video: None,
            units,
            seconds,
            bytes,
            payload,
            // Payloads lie in the file.
            overhead: bytes - payload,
            kbps: kbps(bytes, seconds),
            chunks: archive.entries().len(),
            overlap: header.overlap,
            output_hash: header.hashed,
            metadata,
            tracks: Vec::new(),
        };
        info.of_format(&header.format);
        Ok(info)
    }
}

impl Info {
    fn of_format(&mut self, format: &Format) {
        match format {
            Format::Audio(AudioFormat {
                rate,
                channels,
                depth,
            }) => {
                (self.rate, self.channels) = (Some(*rate), Some(*channels));
                self.depth = Some(depth_name(*depth));
            }
            Format::Records(RecordsFormat { variables }) => self.variables = Some(*variables),
            Format::Video(v) => {
                let pixels = f64::from(v.width) * f64::from(v.height) * self.units as f64;
                self.video = Some(VideoInfo {
                    width: v.width,
                    height: v.height,
                    rate: v.rate,
                    chroma: chroma_name(v.chroma),
                    bits: v.bits,
                    colour: match v.colour {
                        Colour::Video => "video",
                        Colour::Image => "image",
                        Colour::Rgb => "rgb",
                    },
                    opacity: v.alpha,
                    fps: v.fps(),
                    bits_per_pixel: (pixels > 0.0).then(|| self.bytes as f64 * 8.0 / pixels),
                });
            }
            _ => {}
        }
    }
}

fn depth_name(depth: SampleDepth) -> &'static str {
    match depth {
        SampleDepth::U8 => "u8",
        SampleDepth::I16 => "i16",
        SampleDepth::I24 => "i24",
        SampleDepth::I32 => "i32",
        SampleDepth::F32 => "f32",
        _ => "other",
    }
}

fn chroma_name(chroma: Chroma) -> &'static str {
    match chroma {
        Chroma::Gray => "grey",
        Chroma::C420 => "4:2:0",
        Chroma::C422 => "4:2:2",
        Chroma::C444 => "4:4:4",
    }
}
