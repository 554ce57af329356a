//! Payloads: frames cut into strips, each coded apart.

use nc_core::container::{Fields, put_varint};
use nc_core::entropy::mixing::{Bits, Decoder, Encoder};
use nc_core::{Error, Result, VideoFormat};
use rayon::prelude::*;

use crate::group::{Group, Strip, groups, starts};
use crate::levels::Levels;
use crate::model::Model;
use crate::repeats::Repeats;

/// How a chunk is coded: the first byte of a payload.
const STORED: u8 = 0;
const CODED: u8 = 1;

/// Least pixels of a frame that is cut into 2, 4 and 8 strips.
const STRIPS: [usize; 3] = [1 << 15, 1 << 21, 1 << 23];
/// Least rows of a strip.
const ROWS: usize = 16;
/// Most strips that a decoder takes.
const MOST_STRIPS: usize = 64;

/// What an encoder chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Choice {
    /// Whether pixels are asked for whether they are repeats.
    repeats: bool,
    /// Fits of a plane: 1 or 3.
    fits: usize,
}

fn damaged(what: &str) -> Error {
    Error::Format(format!("picture: {what}").into())
}

/// Rows of each strip, of brightness: those of smaller planes begin at half.
fn rows(height: usize, strips: usize) -> Vec<std::ops::Range<usize>> {
    let at = |i: usize| match i {
        i if i == strips => height,
        i => height * i / strips / 2 * 2,
    };
    (0..strips).map(|i| at(i)..at(i + 1)).collect()
}

/// The strips that an encoder cuts a frame into.
fn strips(format: &VideoFormat) -> usize {
    let (width, height) = format.plane(0);
    let steps = STRIPS.iter().filter(|s| width * height >= **s).count();
    (1usize << steps).min((height / ROWS).max(1))
}

/// Bytes of memory that coding takes beside the samples themselves.
pub(crate) fn working_memory(format: &VideoFormat, strips: usize) -> u64 {
    let (width, height) = format.plane(0);
    let planes = format.planes() as u64;
    // Counters, weights and curves; sums of the fits by columns; the strip itself, and the one before.
    let fixed = planes * (4 << 20) + 2 * Repeats::memory();
    let columns = planes * width as u64 * 1400;
    let samples = planes * ((width + 8) * (height / strips + 4)) as u64 * 4;
    strips as u64 * (fixed + columns + samples)
}

/// The form of frames whose samples are ranks.
fn of_ranks(format: &VideoFormat, levels: &Levels) -> VideoFormat {
    VideoFormat {
        bits: levels.bits(),
        ..*format
    }
}

/// Codes frames; never longer than they are by more than one byte.
pub(crate) fn encode(format: &VideoFormat, samples: &[u16], fits: usize) -> Result<Vec<u8>> {
    let frame = format.frame_samples()?;
    let choice = Choice {
        repeats: repeats_pay(format, samples, frame),
        fits,
    };
    let levels = Levels::of(format, samples, frame);
    let original = samples;
    let (form, samples) = match &levels {
        None => (*format, samples.to_vec()),
        Some(levels) => (
            of_ranks(format, levels),
            levels.ranks(format, samples, frame),
        ),
    };
    let strips = strips(format);
    let coded: Vec<Vec<u8>> = rows(format.plane(0).1, strips)
        .into_par_iter()
        .map(|rows| {
            let mut io = Encoder::new();
            let mut work = StripCoder::new(&form, rows, choice)?;
            for frame in samples.chunks_exact(frame) {
                let mut strip = work.strip_of(frame);
                work.code(&mut io, &mut strip)?;
            }
            Ok(io.finish())
        })
        .collect::<Result<_>>()?;
    let mut out = vec![
        CODED,
        u8::from(choice.repeats) | u8::from(choice.fits > 1) << 1 | u8::from(levels.is_some()) << 2,
    ];
    if let Some(levels) = &levels {
        let bytes = levels.to_bytes(format.bits);
        put_varint(bytes.len() as u64, &mut out);
        out.extend(bytes);
    }
    put_varint(strips as u64, &mut out);
    for strip in coded.iter().take(strips - 1) {
        put_varint(strip.len() as u64, &mut out);
    }
    out.extend(coded.concat());
    let plain = original.len() * format.sample_bytes();
    if out.len() > plain {
        out = vec![STORED];
        match format.bits {
            8 => out.extend(original.iter().map(|s| *s as u8)),
            _ => out.extend(original.iter().flat_map(|s| s.to_le_bytes())),
        }
    }
    Ok(out)
}

/// A payload whose head was read.
pub(crate) enum Payload<'a> {
    Stored(&'a [u8]),
    Coded {
        choice: Choice,
        /// The coded levels, where samples are ranks.
        levels: Option<&'a [u8]>,
        strips: Vec<&'a [u8]>,
    },
}

impl<'a> Payload<'a> {
    /// Reads the head.
    ///
    /// # Errors
    /// Format for one that no encoder writes.
    pub(crate) fn read(payload: &'a [u8]) -> Result<Self> {
        let mut fields = Fields::new(payload);
        match fields.byte()? {
            STORED => Ok(Self::Stored(fields.rest())),
            CODED => {
                let flags = fields.byte()?;
                if flags > 7 {
                    return Err(damaged("unknown flags"));
                }
                let levels = match flags & 4 {
                    0 => None,
                    _ => {
                        let n = length(&mut fields)?;
                        Some(fields.bytes(n)?)
                    }
                };
                let count = length(&mut fields)?;
                if count == 0 || count > MOST_STRIPS {
                    return Err(damaged("an impossible number of strips"));
                }
                let lengths: Vec<usize> = (1..count)
                    .map(|_| length(&mut fields))
                    .collect::<Result<_>>()?;
                let mut strips = Vec::with_capacity(count);
                for n in lengths {
                    strips.push(fields.bytes(n)?);
                }
                strips.push(fields.rest());
                Ok(Self::Coded {
                    choice: Choice {
                        repeats: flags & 1 == 1,
                        fits: if flags & 2 == 2 { 3 } else { 1 },
                    },
                    levels,
                    strips,
                })
            }
            other => Err(damaged(&format!("method {other}"))),
        }
    }

    /// Strips: what a decoder has to work on at once.
    pub(crate) fn strips(&self) -> usize {
        match self {
            Self::Stored(_) => 1,
            Self::Coded { strips, .. } => strips.len(),
        }
    }

    /// Decodes so many frames.
    ///
    /// # Errors
    /// Format for a payload that no encoder writes.
    pub(crate) fn decode(self, format: &VideoFormat, frames: usize) -> Result<Vec<u16>> {
        let frame = format.frame_samples()?;
        let all = frame * frames;
        match self {
            Self::Stored(bytes) => stored(format, bytes, all),
            Self::Coded {
                choice,
                levels,
                strips,
            } => {
                let height = format.plane(0).1;
                if strips.len() > 1 && height / strips.len() < 2 {
                    return Err(damaged("an impossible number of strips"));
                }
                let levels = levels
                    .map(|bytes| Levels::from_bytes(bytes, format.planes(), format.bits))
                    .transpose()?;
                let form = levels.as_ref().map_or(*format, |l| of_ranks(format, l));
                let rows = rows(height, strips.len());
                let jobs: Vec<_> = rows.iter().cloned().zip(strips).collect();
                let decoded: Vec<Vec<Vec<u16>>> = jobs
                    .into_par_iter()
                    .map(|(rows, part)| {
                        let mut io = Decoder::new(part);
                        let mut work = StripCoder::new(&form, rows, choice)?;
                        let size = work.samples;
                        (0..frames)
                            .map(|_| {
                                let mut strip = vec![0; size];
                                work.code(&mut io, &mut strip)?;
                                Ok(strip)
                            })
                            .collect()
                    })
                    .collect::<Result<_>>()?;
                let mut out = vec![0; all];
                for (strip, rows) in decoded.iter().zip(&rows) {
                    for (samples, out) in strip.iter().zip(out.chunks_exact_mut(frame)) {
                        put_strip(format, rows, samples, out);
                    }
                }
                if let Some(levels) = &levels {
                    levels.samples(format, &mut out, frame)?;
                }
                Ok(out)
            }
        }
    }
}

fn length(fields: &mut Fields<'_>) -> Result<usize> {
    usize::try_from(fields.varint()?).map_err(|_| damaged("a length too long"))
}

/// Samples that stand as they are.
fn stored(format: &VideoFormat, bytes: &[u8], all: usize) -> Result<Vec<u16>> {
    if bytes.len() != all * format.sample_bytes() {
        return Err(damaged("another number of samples"));
    }
    let samples: Vec<u16> = match format.bits {
        8 => bytes.iter().map(|s| u16::from(*s)).collect(),
        _ => {
            let (pairs, _) = bytes.as_chunks::<2>();
            pairs.iter().map(|p| u16::from_le_bytes(*p)).collect()
        }
    };
    match samples.iter().any(|s| *s > format.max()) {
        true => Err(damaged("samples beyond their bits")),
        false => Ok(samples),
    }
}

/// Whether asking for repeats helps: half of the pixels are those beside or above them.
fn repeats_pay(format: &VideoFormat, samples: &[u16], frame: usize) -> bool {
    let starts = starts(format);
    let group = &groups(format)[0];
    let (width, height) = (group.width, group.height);
    let (mut same, mut all) = (0u64, 0u64);
    for frame in samples.chunks_exact(frame).take(2) {
        for y in 1..height {
            for x in 1..width {
                let at = y * width + x;
                let is = |other: usize| {
                    group.planes.iter().all(|p| {
                        let plane = &frame[starts[*p]..];
                        plane[at] == plane[other]
                    })
                };
                same += u64::from(is(at - 1) || is(at - width));
                all += 1;
            }
        }
    }
    same * 2 > all
}

/// The parts of planes that are the rows of a strip: first sample and samples of each.
fn parts(format: &VideoFormat, rows: &std::ops::Range<usize>) -> Vec<std::ops::Range<usize>> {
    let (_, height) = format.plane(0);
    let starts = starts(format);
    (0..format.planes())
        .map(|p| {
            let (w, h) = format.plane(p);
            let row = |y: usize| match (h == height, y == height) {
                (true, _) => y,
                (false, true) => h,
                (false, false) => y / 2,
            };
            starts[p] + row(rows.start) * w..starts[p] + row(rows.end) * w
        })
        .collect()
}

fn put_strip(
    format: &VideoFormat,
    rows: &std::ops::Range<usize>,
    samples: &[u16],
    frame: &mut [u16],
) {
    let mut from = samples;
    for part in parts(format, rows) {
        let (these, rest) = from.split_at(part.len());
        frame[part].copy_from_slice(these);
        from = rest;
    }
}

/// Codes one strip of frame after frame.
struct StripCoder {
    format: VideoFormat,
    rows: std::ops::Range<usize>,
    groups: Vec<(Group, Model, Option<Repeats>)>,
    /// Samples of the strip.
    samples: usize,
}

impl StripCoder {
    fn new(format: &VideoFormat, rows: std::ops::Range<usize>, choice: Choice) -> Result<Self> {
        let parts = parts(format, &rows);
        let samples = parts.iter().map(std::iter::ExactSizeIterator::len).sum();
        let groups = groups(format)
            .into_iter()
            .map(|g| {
                let given = usize::from(g.smaller.is_some());
                let pixels = parts[g.planes[0]].len();
                let planes = g.planes.len() + given;
                let bits = u32::from(format.bits);
                let model = Model::new(g.width, pixels, planes, given, g.alpha, bits, choice.fits)?;
                // Planes that lie over others are told by them and not by repeats.
                let repeats = match choice.repeats && given == 0 {
                    true => Some(Repeats::new(g.width)?),
                    false => None,
                };
                Ok((g, model, repeats))
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            format: *format,
            rows,
            groups,
            samples,
        })
    }

    /// The strip's samples of a whole frame, plane after plane.
    fn strip_of(&self, frame: &[u16]) -> Vec<u16> {
        let mut samples = Vec::with_capacity(self.samples);
        for part in parts(&self.format, &self.rows) {
            samples.extend_from_slice(&frame[part]);
        }
        samples
    }

    /// Codes the strip's samples, plane after plane.
    fn code<B: Bits>(&mut self, io: &mut B, samples: &mut [u16]) -> Result<()> {
        let mut at = 0;
        let places: Vec<_> = parts(&self.format, &self.rows)
            .into_iter()
            .map(|part| {
                let start = at;
                at += part.len();
                start..at
            })
            .collect();
        let middle = 1 << (self.format.bits - 1);
        let (full, _) = self.format.plane(0);
        for (group, model, repeats) in &mut self.groups {
            let height = places[group.planes[0]].len() / group.width;
            let given = usize::from(group.smaller.is_some());
            let mut strip = Strip::new(group.width, height, group.planes.len() + given, middle);
            if let Some(shifts) = group.smaller {
                let first = &samples[places[0].clone()];
                let means = means(first, full, shifts, group.width, height);
                for (i, mean) in means.into_iter().enumerate() {
                    let at = strip.at(i % group.width, i / group.width);
                    strip.put(at, mean);
                }
            }
            for (p, plane) in group.planes.iter().enumerate() {
                for (i, s) in samples[places[*plane].clone()].iter().enumerate() {
                    let at = strip.at(i % group.width, i / group.width);
                    strip.put(at + given + p, *s);
                }
            }
            model.begin(&strip);
            for y in 0..height {
                strip.begin_row(y);
                for x in 0..group.width {
                    strip.begin_pixel(x, y);
                    let again = match repeats {
                        Some(repeats) => repeats.code(io, &mut strip, x, y)?,
                        None => false,
                    };
                    if !again {
                        model.pixel(io, &mut strip, x, y)?;
                    }
                    if let Some(repeats) = repeats {
                        repeats.learn(&strip, x, y);
                    }
                }
                model.end_row()?;
                if let Some(repeats) = repeats {
                    repeats.end_row();
                }
            }
            for (p, plane) in group.planes.iter().enumerate() {
                for (i, s) in samples[places[*plane].clone()].iter_mut().enumerate() {
                    *s = strip.samples()[strip.at(i % group.width, i / group.width) + given + p];
                }
            }
            if let Some(repeats) = repeats {
                repeats.end_frame(strip);
            }
        }
        Ok(())
    }
}

/// The means of the samples that lie under those of a smaller plane, rounded.
fn means(
    full: &[u16],
    full_width: usize,
    shifts: [u32; 2],
    width: usize,
    height: usize,
) -> Vec<u16> {
    let full_height = full.len() / full_width;
    let mut out = Vec::with_capacity(width * height);
    for y in 0..height {
        for x in 0..width {
            let (mut sum, mut n) = (0u32, 0);
            for dy in 0..1usize << shifts[1] {
                for dx in 0..1usize << shifts[0] {
                    let (fx, fy) = ((x << shifts[0]) + dx, (y << shifts[1]) + dy);
                    if fx < full_width && fy < full_height {
                        sum += u32::from(full[fy * full_width + fx]);
                        n += 1;
                    }
                }
            }
            out.push(((sum + n / 2) / n.max(1)) as u16);
        }
    }
    out
}
