//! AIFF, AIFF-C, AU and CAF in: a head, and samples behind it.
//!
//! Sources: Apple, "Audio Interchange File Format AIFF-C", 1991; "Core Audio Format Specification 1.0"; the page `au(5)` of
//! SunOS. Coded samples other than those of telephony are another program's.

#[cfg(test)]
mod tests;

use std::io::{self, Read};

use nc_core::container::read_full;
use nc_core::{AudioFormat, Budget, Error, Format, Result};

use super::pcm::{Coding, SampleForm};
use super::tags::Tag;
use crate::warning::{Warning, code};

/// Reads a file of plain samples from front to back.
pub struct PlainReader<R> {
    inner: R,
    format: AudioFormat,
    form: SampleForm,
    /// Bytes of samples left; none where the file does not say.
    left: Option<u64>,
    frames: Option<u64>,
    /// What the file says of itself.
    tags: Vec<(Tag, String)>,
    warnings: Vec<Warning>,
    bytes: Vec<u8>,
    budget: Budget,
}

/// What a head tells.
struct Head {
    rate: u32,
    channels: u16,
    form: SampleForm,
    /// Bytes of samples; none to the end.
    data: Option<u64>,
    tags: Vec<(Tag, String)>,
    warnings: Vec<Warning>,
}

/// What a text takes beside its characters.
const TEXT: u64 = 64;

impl<R: Read> PlainReader<R> {
    /// Reads up to the first sample, of a file of so many bytes, where that is known.
    ///
    /// # Errors
    /// Format for damage and where there are no samples, Unsupported for samples of another coding, Limit, I/O.
    pub fn new(inner: R, size: Option<u64>, mut budget: Budget) -> Result<Self> {
        let mut r = Counted { inner, at: 0 };
        let mut magic = [0; 4];
        read_full(&mut r, &mut magic)?;
        let head = match &magic {
            b".snd" => au(&mut r)?,
            b"FORM" => aiff(&mut r, &mut budget)?,
            b"caff" => caf(&mut r, &mut budget)?,
            _ => return Err(Error::Format("neither AIFF, AU nor CAF".into())),
        };
        let Head {
            rate,
            channels,
            form,
            mut data,
            tags,
            mut warnings,
        } = head;
        if channels == 0 || channels > 255 || rate == 0 || rate > 768_000 {
            let what = format!("{channels} channels at {rate} Hz");
            return Err(Error::Format(what.into()));
        }
        let available = size.map(|n| n.saturating_sub(r.at));
        match (data, available) {
            (Some(told), Some(0)) if told > 0 => {
                let what = format!("no samples, where the head tells {told} bytes of them");
                return Err(Error::Format(what.into()));
            }
            (Some(told), Some(left)) if told > left => {
                let text = format!(
                    "the head tells {told} bytes of samples and the file has {left}; these were read"
                );
                warnings.push(Warning::new(code::ENDS_EARLY, text));
                data = Some(left);
            }
            (None, left) => data = left,
            _ => {}
        }
        if form.coding == Coding::Double {
            warnings.push(super::wav::rounded());
        }
        let step = (form.width() * usize::from(channels)) as u64;
        if data.is_some_and(|n| !n.is_multiple_of(step)) {
            warnings.push(incomplete());
        }
        let format = AudioFormat {
            rate,
            channels,
            depth: form.depth(),
        };
        Ok(Self {
            inner: r.inner,
            format,
            form,
            left: data,
            frames: data.map(|n| n / step),
            tags,
            warnings,
            bytes: Vec::new(),
            budget,
        })
    }

    /// Rate, channels and depth.
    pub fn format(&self) -> Format {
        Format::Audio(self.format)
    }

    /// Samples per channel, where the file says.
    pub fn frames(&self) -> Option<u64> {
        self.frames
    }

    /// Up to `frames` samples of every channel, interleaved, appended to `out`; nothing at the end.
    ///
    /// # Errors
    /// Format where a stream ends before the samples that it announces, Limit for more frames than the budget holds, I/O.
    pub fn read(&mut self, frames: usize, out: &mut Vec<f32>) -> Result<usize> {
        let channels = usize::from(self.format.channels);
        let step = self.form.width() * channels;
        let want = frames.saturating_mul(step);
        let want = match self.left {
            Some(left) => usize::try_from(left).map_or(want, |left| left.min(want)),
            None => want,
        };
        // As bytes, and four for each sample.
        self.budget.share().charge(want as u64 * 5)?;
        self.bytes.resize(want, 0);
        let got = read_full(&mut self.inner, &mut self.bytes)?;
        if let Some(left) = &mut self.left {
            *left -= got as u64;
            if got < want {
                let what = format!("truncated, {left} bytes of samples are missing");
                return Err(Error::Format(what.into()));
            }
        } else if got % step != 0 {
            self.warnings.push(incomplete());
        }
        let frames = got / step;
        let (whole, _) = self.bytes.split_at(frames * step);
        self.form.read(whole, out);
        Ok(frames)
    }

    /// What the file says of itself.
    pub fn take_tags(&mut self) -> Vec<(Tag, String)> {
        std::mem::take(&mut self.tags)
    }

    /// What was odd about the file, so far.
    pub fn take_warnings(&mut self) -> Vec<Warning> {
        std::mem::take(&mut self.warnings)
    }
}

fn incomplete() -> Warning {
    let text = "the last sample is incomplete and was left out";
    Warning::new(code::INCOMPLETE_SAMPLE, text)
}

/// An input that knows how far it is.
struct Counted<R> {
    inner: R,
    at: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.at += n as u64;
        Ok(n)
    }
}

fn array<const N: usize>(r: &mut impl Read) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    match read_full(r, &mut bytes)? == N {
        true => Ok(bytes),
        false => Err(Error::Format("truncated before the samples".into())),
    }
}

fn u32_of(r: &mut impl Read) -> Result<u32> {
    array(r).map(u32::from_be_bytes)
}

fn skip(r: &mut impl Read, bytes: u64) -> Result<()> {
    let got = io::copy(&mut r.by_ref().take(bytes), &mut io::sink())?;
    match got == bytes {
        true => Ok(()),
        false => Err(Error::Format("truncated before the samples".into())),
    }
}

/// A text of so many bytes.
fn text(r: &mut impl Read, len: u64, budget: &mut Budget) -> Result<String> {
    budget.charge(TEXT)?;
    let bytes = budget.read(r.by_ref(), len)?;
    if bytes.len() as u64 != len {
        return Err(Error::Format("truncated before the samples".into()));
    }
    let text = String::from_utf8(bytes);
    let text = text.unwrap_or_else(|e| e.into_bytes().into_iter().map(char::from).collect());
    Ok(text.trim_end_matches('\0').to_owned())
}

fn not_read(file: &str, name: &str) -> Error {
    Error::Unsupported(format!("{file} with {name}")).coded(code::ENCODING_NOT_READ)
}

/// Sun's and NeXT's AU.
fn au(r: &mut impl Read) -> Result<Head> {
    let (offset, size) = (u32_of(r)?, u32_of(r)?);
    let coding = match u32_of(r)? {
        1 => Coding::MuLaw,
        n @ 2..=5 => Coding::Signed(n as u8 - 1),
        6 => Coding::Float,
        7 => Coding::Double,
        27 => Coding::ALaw,
        other => return Err(not_read("AU", &format!("coding {other}"))),
    };
    let (rate, channels) = (u32_of(r)?, u32_of(r)?);
    let behind = u64::from(offset).checked_sub(24);
    let behind = behind.ok_or_else(|| Error::Format("AU: samples within the head".into()))?;
    skip(r, behind)?;
    Ok(Head {
        rate,
        channels: u16::try_from(channels).unwrap_or(u16::MAX),
        form: SampleForm::big(coding),
        // A recorder that does not know says so with all bits.
        data: (size != u32::MAX).then_some(size.into()),
        tags: Vec::new(),
        warnings: Vec::new(),
    })
}

/// AIFF and AIFF-C.
fn aiff(r: &mut impl Read, budget: &mut Budget) -> Result<Head> {
    let [_, _, _, _, kind @ ..] = array::<8>(r)?;
    let compressed = match &kind {
        b"AIFF" => false,
        b"AIFC" => true,
        _ => return Err(Error::Format("not an AIFF file".into())),
    };
    let mut common = None;
    let mut tags = Vec::new();
    let mut warnings = Vec::new();
    loop {
        let id: [u8; 4] = array(r)?;
        let len = u64::from(u32_of(r)?);
        let even = len.next_multiple_of(2);
        match &id {
            b"COMM" => {
                let [c0, c1, f0, f1, f2, f3, b0, b1, rate @ ..] = array::<18>(r)?;
                let channels = u16::from_be_bytes([c0, c1]);
                let frames = u32::from_be_bytes([f0, f1, f2, f3]);
                let bits = u16::from_be_bytes([b0, b1]);
                let plain = || match bits.div_ceil(8) {
                    n @ 1..=4 => Ok(SampleForm::big(Coding::Signed(n as u8))),
                    _ => Err(not_read("AIFF", &format!("samples of {bits} bits"))),
                };
                let (form, more) = match compressed {
                    false => (plain()?, 0),
                    true => {
                        let kind: [u8; 4] = array(r)?;
                        (aifc(&kind).map_or_else(plain_if(&kind, plain), Ok)?, 4)
                    }
                };
                skip(r, even.saturating_sub(18 + more))?;
                common = Some((extended(rate), channels, frames, form));
            }
            b"SSND" => {
                let none = || Error::Format("AIFF: samples before the COMM chunk".into());
                let (rate, channels, frames, form) = common.ok_or_else(none)?;
                let offset = u64::from(u32_of(r)?);
                u32_of(r)?;
                skip(r, offset)?;
                let told = u64::from(frames) * u64::from(channels) * form.width() as u64;
                let there = len.saturating_sub(8 + offset);
                // Recorders that were cut off leave one of them, or both, at nothing.
                let data = match (told, there) {
                    (0, 0) => None,
                    (0, n) | (n, 0) => Some(n),
                    (told, there) => Some(told.min(there)),
                };
                if told == 0 || there == 0 {
                    let text = "the header gives no length; everything to the end was read";
                    warnings.push(Warning::new(code::NO_LENGTH, text));
                }
                return Ok(Head {
                    rate,
                    channels,
                    form,
                    data,
                    tags,
                    warnings,
                });
            }
            _ => match Tag::of_aiff(&id) {
                Some(tag) => {
                    tags.push((tag, text(r, len, budget)?));
                    skip(r, even - len)?;
                }
                None => {
                    if !matches!(&id, b"FVER" | b"COMT" | b"CHAN") {
                        let text = format!("the chunk {} was left out", id.escape_ascii());
                        warnings.push(Warning::new(code::METADATA_NOT_KEPT, text));
                    }
                    skip(r, even)?;
                }
            },
        }
    }
}

/// Plain samples where AIFF-C says that nothing is compressed.
fn plain_if<'a>(
    kind: &'a [u8; 4],
    plain: impl FnOnce() -> Result<SampleForm> + 'a,
) -> impl FnOnce() -> Result<SampleForm> + 'a {
    move || match kind {
        b"NONE" | b"twos" => plain(),
        b"sowt" => Ok(SampleForm {
            big_endian: false,
            ..plain()?
        }),
        other => Err(not_read("AIFF-C", &other.escape_ascii().to_string())),
    }
}

/// The form that a kind of compression names by itself.
fn aifc(kind: &[u8; 4]) -> Option<SampleForm> {
    Some(match kind {
        b"raw " => SampleForm::big(Coding::Unsigned),
        b"in24" => SampleForm::big(Coding::Signed(3)),
        b"in32" => SampleForm::big(Coding::Signed(4)),
        b"42ni" => SampleForm::little(Coding::Signed(3)),
        b"23ni" => SampleForm::little(Coding::Signed(4)),
        b"fl32" | b"FL32" => SampleForm::big(Coding::Float),
        b"fl64" | b"FL64" => SampleForm::big(Coding::Double),
        b"ulaw" | b"ULAW" => SampleForm::big(Coding::MuLaw),
        b"alaw" | b"ALAW" => SampleForm::big(Coding::ALaw),
        _ => return None,
    })
}

/// A rate in 80 bits of IEEE 754: sign and exponent, then 64 bits of mantissa. 0 for what is no rate.
fn extended(bytes: [u8; 10]) -> u32 {
    let [a, b, mantissa @ ..] = bytes;
    let exponent = u16::from_be_bytes([a, b]);
    let mantissa = u64::from_be_bytes(mantissa);
    // 2^63 stands for 1 at an exponent of 16383.
    match 16_383u16
        .checked_add(63)
        .and_then(|whole| whole.checked_sub(exponent))
    {
        Some(shift @ 32..=63) => {
            let half = 1u64 << (shift - 1);
            u32::try_from((mantissa >> shift) + u64::from(mantissa & half != 0)).unwrap_or(0)
        }
        _ => 0,
    }
}

/// Apple's CAF.
fn caf(r: &mut impl Read, budget: &mut Budget) -> Result<Head> {
    array::<4>(r)?;
    let mut described = None;
    let mut tags = Vec::new();
    let mut warnings = Vec::new();
    loop {
        let id: [u8; 4] = array(r)?;
        let len = i64::from_be_bytes(array(r)?);
        match (&id, u64::try_from(len)) {
            (b"desc", Ok(len)) => {
                let rate = f64::from_be_bytes(array(r)?);
                let kind: [u8; 4] = array(r)?;
                let (flags, packet) = (u32_of(r)?, u32_of(r)?);
                let (frames, channels, bits) = (u32_of(r)?, u32_of(r)?, u32_of(r)?);
                let wide = packet.checked_div(channels).unwrap_or(0);
                let coding = match (&kind, flags & 1 != 0, bits) {
                    (b"lpcm", true, 32) => Coding::Float,
                    (b"lpcm", true, 64) => Coding::Double,
                    (b"lpcm", false, 1..=32) if wide == bits.div_ceil(8) => {
                        Coding::Signed(wide as u8)
                    }
                    (b"ulaw", ..) => Coding::MuLaw,
                    (b"alaw", ..) => Coding::ALaw,
                    _ => {
                        let what = format!("{}, {bits} bits", kind.escape_ascii());
                        return Err(not_read("CAF", &what));
                    }
                };
                if frames != 1 {
                    return Err(not_read("CAF", &format!("{frames} samples in a packet")));
                }
                let big_endian = flags & 2 == 0;
                let rate = if (1.0..=768_000.0).contains(&rate) {
                    rate as u32
                } else {
                    0
                };
                described = Some((rate, channels, SampleForm { coding, big_endian }));
                skip(r, len.saturating_sub(32))?;
            }
            (b"data", len) => {
                let none = || Error::Format("CAF: samples before their description".into());
                let (rate, channels, form) = described.ok_or_else(none)?;
                u32_of(r)?;
                let data = match len {
                    Ok(len) => Some(len.saturating_sub(4)),
                    // -1: to the end of the file.
                    Err(_) => None,
                };
                return Ok(Head {
                    rate,
                    channels: u16::try_from(channels).unwrap_or(u16::MAX),
                    form,
                    data,
                    tags,
                    warnings,
                });
            }
            (b"info", Ok(len)) => {
                let info = text(r, len, budget)?;
                // A count, then keys and values with zeros behind them.
                let info = info.get(4..).unwrap_or("");
                let mut words = info.split('\0');
                while let (Some(key), Some(value)) = (words.next(), words.next()) {
                    match Tag::of_word(key) {
                        Some(tag) => tags.push((tag, value.to_owned())),
                        None => {
                            let text = format!("the tag {key} was left out");
                            warnings.push(Warning::new(code::METADATA_NOT_KEPT, text));
                        }
                    }
                }
            }
            (_, Ok(len)) => {
                if !matches!(&id, b"free" | b"chan" | b"pakt" | b"kuki") {
                    let text = format!("the chunk {} was left out", id.escape_ascii());
                    warnings.push(Warning::new(code::METADATA_NOT_KEPT, text));
                }
                skip(r, len)?;
            }
            (_, Err(_)) => return Err(Error::Format("CAF: a chunk without a length".into())),
        }
    }
}
