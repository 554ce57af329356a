//! The codec: which mode a chunk gets, and what is done for each.
//!
//! The first byte of a payload is its mode; what follows is the mode's own. Frames of one value are
//! found before anything else is tried, because no other mode can be smaller.

use std::ops::Range;

use nc_core::{
    AnyCodec, Budget, ChunkGoal, ChunkHead, Codec, CodecId, CodecInfo, CodecOption, Colour,
    Control, Encoded, Error, Family, Format, MediaKind, Model, OptionValue, Options, Part, Plan,
    Result, Video, VideoBuf, VideoFormat, kind,
};

use crate::encode::Switches;
use crate::published::{self, Kind};
use crate::{decode, encode, stored};

/// Facts of the codec.
pub const INFO: CodecInfo = CodecInfo {
    id: CodecId(3),
    name: "nerv",
    about: "video and images",
    bitstream: 1,
    kind: MediaKind::Video,
    lossless: false,
    options: OPTIONS,
};

/// Mode: samples as they are, packed to their bits.
const RAW: u8 = 0;
/// Mode: one value for each plane.
const CONSTANT: u8 = 1;
/// Mode: motion, coefficients and a filter that corrects.
pub(crate) const NETWORK: u8 = 2;
/// Mode: a published network; see [`crate::published`].
const PUBLISHED: u8 = 3;

/// Most frames in a chunk.
const MOST_FRAMES: u64 = 256;
/// Bytes that a chunk's samples may take in memory, unless a frame alone takes more: with [`ENCODING`] a chunk then
/// encodes within the default budget.
const MOST_BYTES: u64 = 192 << 20;
/// The same in earlier files.
const LONGEST_BYTES: u64 = 512 << 20;
/// Bytes for each byte of a chunk's samples that encoding takes: frames as made and as coefficients, and both once more as
/// the best so far.
const ENCODING: u64 = 4;

/// The ablation switches; see [`Switches`].
const OPTIONS: &[CodecOption] = &[
    CodecOption {
        name: "network",
        help: "network that corrects the frames: default, none, or a published one instead of all else",
        value: OptionValue::Choice(&["default", "none", "nerv", "nerv++", "cam"]),
    },
    CodecOption {
        name: "motion",
        help: "prediction from other frames by motion (default on)",
        value: OptionValue::Switch,
    },
    CodecOption {
        name: "pyramid",
        help: "frames from one predicted frame to the next (default 8)",
        value: OptionValue::Whole(1, 64),
    },
    CodecOption {
        name: "large",
        help: "large transforms (default on)",
        value: OptionValue::Switch,
    },
    CodecOption {
        name: "modulation",
        help: "modulation of the network's features by frame (default on)",
        value: OptionValue::Switch,
    },
];

/// The published network that was asked for.
fn published_kind(options: &Options) -> Result<Option<Kind>> {
    match options.get("network") {
        None | Some("default" | "none") => Ok(None),
        Some(name) => published::kind(name),
    }
}

/// The parts of the codec that were asked for.
fn switches(options: &Options) -> Result<Switches> {
    Ok(Switches {
        network: options.get("network") != Some("none"),
        motion: options.switch("motion", true)?,
        large: options.switch("large", true)?,
        modulation: options.switch("modulation", true)?,
        pyramid: options.parsed("pyramid")?.unwrap_or(encode::PYRAMID),
    })
}

/// The codec; it has no state.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nerv;

impl Family for Nerv {
    fn info(&self) -> &'static CodecInfo {
        &INFO
    }

    fn open(&self, _: Option<&Model>) -> Result<AnyCodec> {
        Ok(Self.into())
    }

    /// Brightness and differences of colour, without opacity: 8 bits of images, 8 or 10 of video.
    fn takes(&self, format: &Format) -> Format {
        let Format::Video(mut video) = *format else {
            return *format;
        };
        if video.colour == Colour::Rgb {
            video.colour = Colour::Image;
        }
        video.alpha = false;
        video.bits = match (video.colour, video.bits) {
            (Colour::Image, _) | (_, ..10) => 8,
            _ => 10,
        };
        Format::Video(video)
    }
}

/// The video of a header that is not to be believed yet.
fn video(format: &VideoFormat) -> Result<VideoFormat> {
    if format.colour == Colour::Rgb || format.alpha {
        return Err(Error::Unsupported(
            "nerv takes brightness and differences of colour, without opacity".into(),
        ));
    }
    if format.bits != 8 && format.bits != 10 {
        return Err(Error::Unsupported(format!(
            "nerv takes samples of 8 and 10 bits, not {}",
            format.bits
        )));
    }
    format.frame_samples()?;
    Ok(*format)
}

/// The stored modes' symbols are the samples themselves, whose checksum is in the frame already.
fn encoded(frames: u64) -> Encoded {
    Encoded { symbols: frames }
}

/// Writes the samples as they are.
fn write_raw(x: Video<'_>, head: &ChunkHead<VideoFormat>, out: &mut Vec<u8>) -> Encoded {
    out.push(RAW);
    stored::encode_raw(x, out);
    encoded(head.units)
}

/// Writes one value for each plane, if that fits.
fn write_constant(
    values: &[u16],
    head: &ChunkHead<VideoFormat>,
    goal: ChunkGoal,
    out: &mut Vec<u8>,
) -> Result<Encoded> {
    let start = out.len();
    out.push(CONSTANT);
    stored::encode_constant(values, out);
    let bytes = (out.len() - start) as u64;
    match goal {
        ChunkGoal::Bytes(most) if bytes > most => Err(Error::Usage(format!(
            "frames {}.. take {bytes} bytes at least, and there are {most} for them",
            head.first
        ))),
        _ => Ok(encoded(head.units)),
    }
}

impl Codec for Nerv {
    type Kind = kind::VideoKind;

    fn info(&self) -> &CodecInfo {
        &INFO
    }

    fn plan(&self, format: &VideoFormat) -> Result<Plan> {
        // A valid frame has samples.
        let frame = 2 * video(format)?.frame_samples()? as u64;
        Ok(Plan {
            chunk: (MOST_BYTES / frame).clamp(1, MOST_FRAMES),
            overlap: 0,
        })
    }

    fn longest(&self, format: &VideoFormat) -> Result<u64> {
        let frame = 2 * video(format)?.frame_samples()? as u64;
        Ok((LONGEST_BYTES / frame).clamp(1, MOST_FRAMES))
    }

    fn encode(
        &self,
        x: Video<'_>,
        head: &ChunkHead<VideoFormat>,
        goal: ChunkGoal,
        ctl: &mut Control<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Encoded> {
        let format = video(&head.format)?;
        if x.format != format || x.frames() as u64 != head.units {
            return Err(Error::Usage("frames that do not fit their head".into()));
        }
        let samples = size_of_val(x.samples) as u64;
        let mut budget = ctl.budget.share();
        budget.charge(samples * ENCODING)?;
        let published = published_kind(&ctl.options)?;
        let switches = switches(&ctl.options)?;
        let raw = stored::raw_len(x);
        let least = 2 * format.planes() as u64 + 1;
        if let ChunkGoal::Bytes(most) = goal
            && most < least.min(raw)
        {
            return Err(Error::Usage(format!(
                "frames {}.. take {} bytes at least beside what is around them, and there are {most} for them",
                head.first,
                least.min(raw)
            )));
        }
        // Frames of a sample or two are smaller as they are than as values of planes.
        let tiny = raw <= least;
        if tiny && !matches!(goal, ChunkGoal::Bytes(n) if n < raw) {
            return Ok(write_raw(x, head, out));
        }
        if let Some(values) = stored::constant(x)? {
            return write_constant(&values, head, goal, out);
        }
        if goal == ChunkGoal::Exact || matches!(goal, ChunkGoal::Bytes(n) if n > raw) {
            return Ok(write_raw(x, head, out));
        }
        if let Some(kind) = published {
            let payload = published::encode_chunk(x, kind, goal, raw, ctl)?;
            let units = head.units;
            let y = published::decode(&payload, &format, 0..units, units, &mut budget, ctl)?;
            let (values, error) = stored::nearest_constant(x);
            if stored::error(x, &y) >= error {
                return write_constant(&values, head, goal, out);
            }
            out.push(PUBLISHED);
            out.extend(payload);
            return Ok(encoded(head.units));
        }
        let inner = match goal {
            // A payload's first byte is its mode.
            ChunkGoal::Bytes(n) => ChunkGoal::Bytes(n - n.min(1)),
            other => other,
        };
        let fitted = encode::encode(x, head.first, inner, switches, ctl)?;
        let size = fitted.payload.len() as u64 + 1;
        let (values, error) = stored::nearest_constant(x);
        let fits = !matches!(goal, ChunkGoal::Bytes(n) if size > n);
        if fitted.error >= error || !fits {
            // Nothing that is larger may be worse than one value for each plane.
            return write_constant(&values, head, goal, out);
        }
        if size > raw && !matches!(goal, ChunkGoal::Bytes(_)) {
            return Ok(write_raw(x, head, out));
        }
        out.push(NETWORK);
        out.extend(fitted.payload);
        Ok(Encoded {
            symbols: fitted.symbols,
        })
    }

    fn decode(
        &self,
        payload: &[u8],
        head: &ChunkHead<VideoFormat>,
        budget: &mut Budget,
        ctl: &mut Control<'_>,
    ) -> Result<(VideoBuf, Encoded)> {
        frames(payload, head, 0..head.units, budget, ctl)
    }

    fn decode_part(
        &self,
        payload: &[u8],
        head: &ChunkHead<VideoFormat>,
        part: &Part,
        budget: &mut Budget,
        ctl: &mut Control<'_>,
    ) -> Result<Option<VideoBuf>> {
        let (y, _) = frames(payload, head, part.units.clone(), budget, ctl)?;
        Ok(Some(y))
    }
}

/// The frames `wanted` of a chunk; what is said of its symbols holds where all are.
fn frames(
    payload: &[u8],
    head: &ChunkHead<VideoFormat>,
    wanted: Range<u64>,
    budget: &mut Budget,
    ctl: &mut Control<'_>,
) -> Result<(VideoBuf, Encoded)> {
    let format = video(&head.format)?;
    if wanted.start > wanted.end || wanted.end > head.units {
        return Err(Error::Usage("frames outside the chunk".into()));
    }
    let damaged = || Error::Format("nerv: an empty payload".into());
    let (mode, body) = payload.split_first().ok_or_else(damaged)?;
    let mut symbols = encoded(head.units);
    let samples = match *mode {
        RAW => stored::decode_raw(body, &format, head.units, wanted, budget)?,
        CONSTANT => {
            let frames = wanted.end - wanted.start;
            stored::decode_constant(body, &format, frames, budget)?
        }
        NETWORK => {
            let y = decode::decode(body, &format, head.units, wanted, budget, ctl)?;
            symbols = Encoded { symbols: y.symbols };
            y.samples
        }
        PUBLISHED => published::decode(body, &format, wanted, head.units, budget, ctl)?,
        other => return Err(Error::Format(format!("nerv: mode {other}").into())),
    };
    Ok((VideoBuf { format, samples }, symbols))
}
