//! Small signals of each kind of media, made of any bytes.

use nc_core::family::RecordsForm;
use nc_core::{
    AudioBuf, AudioFormat, Chroma, Colour, Format, Goal, MediaKind, RecordsBuf, RecordsFormat,
    SampleDepth, SignalBuf, Text, VideoBuf, VideoFormat,
};
use ndarray::Array2;

/// A signal, and what it is to be coded to by a codec that is not lossless.
pub struct Sample {
    pub format: Format,
    pub signal: SignalBuf,
    pub goal: Goal,
    /// Whether a codec may say that it does not take it.
    pub odd: bool,
}

/// A signal of a kind; none where there are too few bytes for one. A lossy codec takes [`Goal::Exact`] only if it is
/// `exact`.
pub fn of(kind: MediaKind, records: &RecordsForm, exact: bool, data: &[u8]) -> Option<Sample> {
    match kind {
        MediaKind::Bytes => Some(Sample {
            format: Format::Bytes,
            signal: SignalBuf::Bytes(data.to_vec()),
            goal: Goal::Quality(5.0),
            odd: false,
        }),
        MediaKind::Audio => sound(data),
        MediaKind::Records => rows(data, records),
        MediaKind::Video => video(data, exact),
        // A kind that is new here has no signals yet.
        _ => None,
    }
}

/// Two bytes choose the form, the rest are the samples as they are, NaN and infinity among them.
fn sound(data: &[u8]) -> Option<Sample> {
    let [form, goal, rest @ ..] = data else {
        return None;
    };
    let rate = [16_000, 44_100, 8_000, 1, 192_000, 11_025, 96, 768_000][usize::from(form & 7)];
    let channels = 1 + usize::from(form >> 3 & 3);
    // Every other input holds floats as they come, the others 16-bit samples.
    let (samples, depth): (Vec<f32>, _) = if form & 0x80 == 0 {
        let pairs = rest.as_chunks::<2>().0.iter();
        let samples = pairs.map(|b| f32::from(i16::from_le_bytes(*b)) / 32_768.0);
        (samples.collect(), SampleDepth::I16)
    } else {
        let fours = rest.as_chunks::<4>().0.iter();
        let samples = fours.map(|b| f32::from_le_bytes(*b));
        (samples.collect(), SampleDepth::F32)
    };
    // Seconds, where samples are few and far between, are only slow.
    let n = (samples.len() / channels)
        .min(20_000)
        .min(2 * rate as usize);
    let samples = Array2::from_shape_vec((channels, n), samples[..n * channels].to_vec()).ok()?;
    let format = AudioFormat {
        rate,
        channels: channels as u16,
        depth,
    };
    Some(Sample {
        format: Format::Audio(format),
        signal: SignalBuf::Audio(AudioBuf { rate, samples }),
        goal: match goal & 1 {
            0 => Goal::Quality(f32::from(goal >> 1) / 12.7),
            _ => Goal::Bitrate(u32::from(*goal) * 40),
        },
        odd: true,
    })
}

/// Rows of a model's alphabets.
fn rows(data: &[u8], form: &RecordsForm) -> Option<Sample> {
    let n = form.alphabets.len();
    let pairs = data.as_chunks::<2>().0.iter();
    let values = pairs.zip(form.alphabets.iter().cycle());
    let mut values: Vec<u16> = values
        .map(|(b, a)| (u32::from(u16::from_le_bytes(*b)) % (*a).max(1)) as u16)
        .collect();
    let rows = values.len().checked_div(n)?.min(300);
    values.truncate(rows * n);
    let mut texts = Vec::new();
    for (row, record) in values.chunks_exact(n).enumerate() {
        for (value, open) in record.iter().zip(&form.open) {
            // Behind such a value stands a text; none has a zero byte.
            if Some(*value) == *open {
                let text = data.iter().skip(row * 3).take(row % 9);
                let bytes = text.copied().filter(|b| *b != 0).collect();
                texts.push(Text { row, bytes });
            }
        }
    }
    let values = Array2::from_shape_vec((rows, n), values).ok()?;
    Some(Sample {
        format: Format::Records(RecordsFormat {
            variables: n as u32,
        }),
        signal: SignalBuf::Records(RecordsBuf { values, texts }),
        goal: Goal::Quality(5.0),
        odd: false,
    })
}

/// Five bytes choose the form, the rest are the samples.
fn video(data: &[u8], exact: bool) -> Option<Sample> {
    let [width, height, frames, layout, goal, rest @ ..] = data else {
        return None;
    };
    let format = VideoFormat {
        width: 1 + u32::from(width % 24),
        height: 1 + u32::from(height % 24),
        rate: [25, 1],
        chroma: [Chroma::Gray, Chroma::C420, Chroma::C422, Chroma::C444][usize::from(layout & 3)],
        bits: 8 + (layout >> 3) % 9,
        colour: match layout & 0xc4 {
            0 | 0x40 | 0x80 => Colour::Video,
            0xc4 if layout & 3 == 3 => Colour::Rgb,
            _ => Colour::Image,
        },
        alpha: layout & 0xc0 == 0x40,
    };
    let size = format.frame_samples().ok()?;
    let frames = 1 + usize::from(frames % 4);
    let pairs = rest.as_chunks::<2>().0.iter();
    let samples: Vec<u16> = pairs
        .map(|b| u16::from_le_bytes(*b) & format.max())
        .chain(std::iter::repeat(format.max() / 2))
        .take(size * frames)
        .collect();
    Some(Sample {
        format: Format::Video(format),
        signal: SignalBuf::Video(VideoBuf { format, samples }),
        goal: match exact && goal & 1 == 0 {
            true => Goal::Exact,
            false => Goal::Quality(f32::from(goal >> 1) / 12.7),
        },
        // Flags may contradict each other.
        odd: true,
    })
}
