//! Sampled sound. A unit is a sample of all channels at one instant.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, Axis, s};

use super::{Format, Kind, MediaKind, Queue, Signal, SignalBuf, in_blocks, other_format, outside};
use crate::container::{Fields, Parsed, put_varint};
use crate::{Error, Result};

/// The kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sound;

/// Most samples per second.
const MAX_RATE: u64 = 768_000;
/// Most channels.
const MAX_CHANNELS: u64 = 255;

/// How samples are kept in the original, so that a decoded WAV has the same form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SampleDepth {
    /// Unsigned 8-bit.
    U8,
    /// Signed 16-bit.
    I16,
    /// Signed 24-bit.
    I24,
    /// Signed 32-bit.
    I32,
    /// 32-bit float.
    F32,
}

impl SampleDepth {
    /// All, in the order of their numbers in a header.
    const ALL: [Self; 5] = [Self::U8, Self::I16, Self::I24, Self::I32, Self::F32];

    const fn code(self) -> u8 {
        match self {
            Self::U8 => 0,
            Self::I16 => 1,
            Self::I24 => 2,
            Self::I32 => 3,
            Self::F32 => 4,
        }
    }

    /// Bytes of a sample in a file.
    pub const fn bytes(self) -> u32 {
        match self {
            Self::U8 => 1,
            Self::I16 => 2,
            Self::I24 => 3,
            Self::I32 | Self::F32 => 4,
        }
    }
}

/// The form of a sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioFormat {
    /// Samples per second, 1 to 768,000.
    pub rate: u32,
    /// Channels, 1 to 255.
    pub channels: u16,
    /// Form of the original's samples.
    pub depth: SampleDepth,
}

/// Borrowed audio: `samples[[channel, time]]`, nominal range -1..=1.
#[derive(Debug, Clone, Copy)]
pub struct Audio<'a> {
    /// Samples per second.
    pub rate: u32,
    /// `[channels, samples]`.
    pub samples: ArrayView2<'a, f32>,
}

/// Owned audio: `samples[[channel, time]]`, nominal range -1..=1.
#[derive(Debug, Clone, PartialEq)]
pub struct AudioBuf {
    /// Samples per second.
    pub rate: u32,
    /// `[channels, samples]`.
    pub samples: Array2<f32>,
}

impl AudioBuf {
    /// The same sound, borrowed.
    pub fn view(&self) -> Audio<'_> {
        Audio {
            rate: self.rate,
            samples: self.samples.view(),
        }
    }
}

impl Kind for Sound {
    const KIND: MediaKind = MediaKind::Audio;
    const CODE: u8 = 1;
    const FADES: bool = true;
    type Format = AudioFormat;
    type View<'a> = Audio<'a>;
    type Buf = AudioBuf;
    type Queue = Waiting;

    fn write_format(format: &AudioFormat, out: &mut Vec<u8>) {
        put_varint(format.rate.into(), out);
        put_varint(format.channels.into(), out);
        out.push(format.depth.code());
    }

    fn read_format(
        fields: &mut Fields<'_>,
        unknown: &dyn Fn(String) -> Error,
    ) -> Parsed<AudioFormat> {
        let (rate, channels) = (fields.varint()?, fields.varint()?);
        let code = fields.byte()?;
        let depth = SampleDepth::ALL.into_iter().find(|d| d.code() == code);
        let depth = depth.ok_or_else(|| unknown(format!("sample depth {code}")))?;
        let wrong = || Error::Format(format!("{channels} channels at {rate} Hz").into());
        if !(1..=MAX_RATE).contains(&rate) || !(1..=MAX_CHANNELS).contains(&channels) {
            return Err(wrong().into());
        }
        // Both were just compared.
        Ok(AudioFormat {
            rate: rate as u32,
            channels: channels as u16,
            depth,
        })
    }

    fn units_per_second(format: &AudioFormat) -> Option<(u32, u32)> {
        (format.rate > 0).then_some((format.rate, 1))
    }

    fn units(x: Audio<'_>) -> u64 {
        x.samples.ncols() as u64
    }

    fn memory(x: Audio<'_>) -> u64 {
        (x.samples.len() * size_of::<f32>()) as u64
    }

    fn le_bytes(x: Audio<'_>, f: &mut dyn FnMut(&[u8])) {
        in_blocks(x.samples.iter().map(|s| s.to_le_bytes()), f);
    }

    fn view(x: &AudioBuf) -> Audio<'_> {
        x.view()
    }

    fn empty(format: &AudioFormat) -> AudioBuf {
        AudioBuf {
            rate: format.rate,
            samples: Array2::zeros((usize::from(format.channels), 0)),
        }
    }

    fn append(to: &mut AudioBuf, piece: AudioBuf) -> Result<()> {
        if piece.rate != to.rate {
            return Err(super::differ());
        }
        (to.samples)
            .append(Axis(1), piece.samples.view())
            .map_err(|_| super::differ())
    }

    fn part(x: Audio<'_>, range: Range<usize>) -> Result<AudioBuf> {
        if range.start > range.end || range.end > x.samples.ncols() {
            return Err(outside());
        }
        Ok(AudioBuf {
            rate: x.rate,
            samples: x.samples.slice(s![.., range]).to_owned(),
        })
    }

    /// Linearly, over as many samples as both have.
    fn fade(tail: &AudioBuf, x: &mut AudioBuf) {
        let n = tail.samples.ncols().min(x.samples.ncols());
        for (mut row, old) in x.samples.rows_mut().into_iter().zip(tail.samples.rows()) {
            for (j, (new, old)) in (1u64..).zip(row.iter_mut().zip(old).take(n)) {
                let w = j as f32 / (n as u64 + 1) as f32;
                *new = old + (*new - old) * w;
            }
        }
    }

    fn queue(format: &AudioFormat) -> Result<Waiting> {
        let (rate, channels) = (u64::from(format.rate), u64::from(format.channels));
        if !(1..=MAX_RATE).contains(&rate) || !(1..=MAX_CHANNELS).contains(&channels) {
            return Err(Error::Limit(
                format!("{channels} channels at {rate} Hz").into(),
            ));
        }
        Ok(Waiting {
            rate: format.rate,
            rows: vec![Vec::new(); usize::from(format.channels)],
            chunk: Array2::zeros((0, 0)),
        })
    }

    fn format_of(format: &Format) -> Option<&AudioFormat> {
        match format {
            Format::Audio(f) => Some(f),
            _ => None,
        }
    }

    fn view_of<'a>(x: Signal<'a>) -> Option<Audio<'a>> {
        match x {
            Signal::Audio(x) => Some(x),
            _ => None,
        }
    }

    fn buf_of(x: SignalBuf) -> Option<AudioBuf> {
        match x {
            SignalBuf::Audio(x) => Some(x),
            _ => None,
        }
    }

    fn any_format(format: AudioFormat) -> Format {
        Format::Audio(format)
    }

    fn any_view<'a>(x: Self::View<'a>) -> Signal<'a> {
        Signal::Audio(x)
    }

    fn any_buf(x: AudioBuf) -> SignalBuf {
        SignalBuf::Audio(x)
    }
}

/// Samples that wait, channel by channel, and the chunk that was taken last, side by side as codecs want it.
pub struct Waiting {
    rate: u32,
    rows: Vec<Vec<f32>>,
    chunk: Array2<f32>,
}

impl Waiting {
    fn len(&self) -> usize {
        self.rows.iter().map(Vec::len).min().unwrap_or(0)
    }
}

impl Queue<Sound> for Waiting {
    fn push(&mut self, x: Audio<'_>) -> Result<()> {
        if x.rate != self.rate || x.samples.nrows() != self.rows.len() {
            return Err(other_format());
        }
        for (row, new) in self.rows.iter_mut().zip(x.samples.rows()) {
            row.extend(new);
        }
        Ok(())
    }

    fn units(&self) -> u64 {
        self.len() as u64
    }

    fn memory(&self) -> u64 {
        (self.rows.len() * self.len() * size_of::<f32>()) as u64
    }

    fn copied(&self, units: usize) -> u64 {
        (self.rows.len() * units.min(self.len()) * size_of::<f32>()) as u64
    }

    fn first(&mut self, units: usize) -> Audio<'_> {
        let n = units.min(self.len());
        self.chunk = Array2::zeros((self.rows.len(), n));
        for (mut to, from) in self.chunk.rows_mut().into_iter().zip(&self.rows) {
            to.iter_mut().zip(from).for_each(|(t, f)| *t = *f);
        }
        Audio {
            rate: self.rate,
            samples: self.chunk.view(),
        }
    }

    fn drop_first(&mut self, units: usize) {
        self.chunk = Array2::zeros((0, 0));
        for row in &mut self.rows {
            row.drain(..units.min(row.len()));
        }
    }
}
