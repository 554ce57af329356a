//! Inputs in the forms that codecs read, and what decoders wrote as media again.
//!
//! Each input is read and cut once, and each form of it written once, to a folder of the run: every
//! codec gets a copy of the very same file. Sound is mono at 16 kHz in 16 bits, where PESQ and STOI are defined.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use image::RgbImage;
use nc_corpora::files::sha256;
use nc_corpora::metrics::RATE;
use nc_corpora::resample::{Filter, resample};
use nc_corpora::video::Clip;
use nc_corpora::{audio, video};

use super::codec::Form;
use super::plan::Data;
use super::results::Kind;
use super::{cache, exec};

/// Time to unpack an input.
const UNPACKING: Duration = Duration::from_secs(600);
/// Scale of 16-bit samples.
const FULL: f64 = 32_768.0;

/// An input as what it is.
#[derive(Debug, Clone)]
pub enum Media {
    /// Samples at 16 kHz.
    Audio(Vec<f32>),
    /// A picture.
    Image(RgbImage),
    /// A clip.
    Video(Clip),
    /// A file.
    Bytes(Vec<u8>),
}

/// One input.
#[derive(Debug)]
pub struct Input {
    /// Name relative to its data set's folder.
    pub name: String,
    /// The file.
    pub source: PathBuf,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Folder for its forms.
    folder: PathBuf,
    forms: Mutex<BTreeMap<(Form, u32), PathBuf>>,
}

impl Input {
    /// An input whose forms will be in a folder under `work`.
    ///
    /// # Errors
    /// I/O.
    pub fn new(name: &str, source: &Path, data: &Data, work: &Path) -> Result<Self> {
        let bytes = std::fs::read(source).with_context(|| source.display().to_string())?;
        let sha256 = sha256(&bytes);
        // The same file cut in two ways is two inputs.
        let place = cache::hash(&[&data.name, name, &sha256]);
        let folder = work.join(place.get(..16).unwrap_or(&place));
        std::fs::create_dir_all(&folder)?;
        Ok(Self {
            name: name.to_string(),
            source: source.to_path_buf(),
            sha256,
            folder,
            forms: Mutex::default(),
        })
    }

    /// The input as media, cut as its data set says.
    ///
    /// # Errors
    /// I/O, damage, another kind of file.
    pub fn media(&self, data: &Data) -> Result<Media> {
        let path = self.unpacked()?;
        match data.kind {
            Kind::Audio => {
                let mut x = audio::read(&path)?;
                if let Some(seconds) = data.seconds {
                    x.truncate((seconds * f64::from(RATE)).round() as usize);
                }
                ensure!(!x.is_empty(), "no sound in it");
                // What codecs get: every one of them sees the samples rounded.
                x.iter_mut()
                    .for_each(|v| *v = (to_i16(f64::from(*v)) as f64 / FULL) as f32);
                Ok(Media::Audio(x))
            }
            Kind::Image => Ok(Media::Image(eight_bits(image::open(&path)?)?)),
            Kind::Video => {
                let mut clip = video::read(&path)?;
                if let Some(frames) = data.frames {
                    let size = clip.video.format.frame_samples()?;
                    clip.video.samples.truncate(size.saturating_mul(frames));
                }
                Ok(Media::Video(clip))
            }
            Kind::Records => Ok(Media::Bytes(std::fs::read(&path)?)),
        }
    }

    /// A file in the form asked for, made where it is not there yet.
    ///
    /// # Errors
    /// Those of [`Input::media`].
    pub fn form(&self, data: &Data, form: Form, rate: u32) -> Result<PathBuf> {
        let mut forms = match self.forms.lock() {
            Ok(forms) => forms,
            Err(poisoned) => poisoned.into_inner(),
        };
        if let Some(path) = forms.get(&(form, rate)) {
            return Ok(path.clone());
        }
        let path = match (form, data.kind) {
            (Form::Raw, Kind::Records) => self.unpacked()?,
            (Form::Raw, kind) => {
                drop(forms);
                return self.form(data, plain(kind), RATE);
            }
            _ => {
                let path = self.folder.join(format!("{rate}.{}", form.ending()));
                let media = self.media(data)?;
                cache::place(&path, |part| write(&media, form, rate, part))?;
                path
            }
        };
        forms.insert((form, rate), path.clone());
        Ok(path)
    }

    /// The file without `.gz` or `.xz` around it, under its own name.
    fn unpacked(&self) -> Result<PathBuf> {
        unpacked(&self.source, &self.folder)
    }
}

/// A file without `.gz` or `.xz` around it: itself, or a copy in `folder` under its own name.
///
/// # Errors
/// I/O, damage, no `xz`.
fn unpacked(source: &Path, folder: &Path) -> Result<PathBuf> {
    let ending = source.extension().unwrap_or_default();
    if ending != "gz" && ending != "xz" {
        return Ok(source.to_path_buf());
    }
    let path = folder.join(source.file_stem().unwrap_or_default());
    if path.is_file() {
        return Ok(path);
    }
    cache::place(&path, |part| {
        if ending == "gz" {
            let packed = std::fs::File::open(source)?;
            let mut bytes = Vec::new();
            flate2::read::MultiGzDecoder::new(packed).read_to_end(&mut bytes)?;
            std::fs::write(part, bytes)?;
        } else {
            let words = ["xz", "-dc", &source.to_string_lossy()].map(String::from);
            let asking = tempfile::tempdir()?;
            let most = exec::Most {
                time: UNPACKING,
                bytes: u64::MAX,
                files: &[],
            };
            exec::run(&words, asking.path(), Some(part), most)?;
        }
        Ok(())
    })?;
    Ok(path)
}

/// Cuts a CSV file: of the rows after its first line those with `i % every == 1` are to be measured, the
/// others to be learnt from. Both files have the first line and keep the name; rows have no line end in a
/// cell.
///
/// # Errors
/// I/O, too few rows.
pub fn split(source: &Path, every: usize, work: &Path) -> Result<(PathBuf, PathBuf)> {
    let folder = tempfile::tempdir_in(work)?.keep();
    let plain = unpacked(source, &folder)?;
    let bytes = std::fs::read(&plain)?;
    let mut lines = bytes.split_inclusive(|&b| b == b'\n');
    let head = lines.next().context("an empty table")?;
    let (mut measured, mut learnt) = (head.to_vec(), head.to_vec());
    for (i, line) in lines.enumerate() {
        let part = match i % every == 1 {
            true => &mut measured,
            false => &mut learnt,
        };
        part.extend(line);
        if !line.ends_with(b"\n") {
            part.push(b'\n');
        }
    }
    ensure!(measured.len() > head.len(), "too few rows to measure some");
    let name = plain.file_name().context("a file without a name")?;
    let put = |part: &str, bytes: Vec<u8>| -> Result<PathBuf> {
        let folder = folder.join(part);
        std::fs::create_dir(&folder)?;
        std::fs::write(folder.join(name), bytes)?;
        Ok(folder.join(name))
    };
    Ok((put("measured", measured)?, put("learnt", learnt)?))
}

/// Bytes of a file in a form, were it not packed.
///
/// # Errors
/// I/O, a damaged picture.
pub fn plain_size(path: &Path, form: Form) -> Result<u64> {
    if form == Form::Png {
        let (w, h) = image::image_dimensions(path)?;
        return Ok(u64::from(w) * u64::from(h) * 3);
    }
    Ok(path.metadata()?.len())
}

/// The form that stands for a kind's media where any file would do.
fn plain(kind: Kind) -> Form {
    match kind {
        Kind::Audio => Form::Wav,
        Kind::Image => Form::Ppm,
        Kind::Video => Form::Y4m,
        Kind::Records => Form::Raw,
    }
}

fn to_i16(v: f64) -> i16 {
    (v * FULL).round().clamp(-FULL, FULL - 1.0) as i16
}

/// Samples at another rate, as 16 bits.
fn at_rate(x: &[f32], rate: u32) -> Vec<i16> {
    let x: Vec<f64> = x.iter().map(|&v| f64::from(v)).collect();
    let x = if rate == RATE {
        x
    } else {
        resample(&x, RATE, rate, Filter::FINE)
    };
    x.into_iter().map(to_i16).collect()
}

/// A picture as what codecs get; one that would lose something by it is none of ours.
fn eight_bits(picture: image::DynamicImage) -> Result<RgbImage> {
    let color = picture.color();
    ensure!(
        color.bytes_per_pixel() == color.channel_count(),
        "more than 8 bits a colour, and codecs would get 8"
    );
    let seen = |p: &image::DynamicImage| p.to_rgba8().pixels().all(|p| p.0[3] == u8::MAX);
    ensure!(
        !color.has_alpha() || seen(&picture),
        "parts can be seen through, and codecs would get colours alone"
    );
    Ok(picture.to_rgb8())
}

/// Writes media in a form.
fn write(media: &Media, form: Form, rate: u32, path: &Path) -> Result<()> {
    match (media, form) {
        (Media::Audio(x), Form::Wav) => {
            let spec = hound::WavSpec {
                channels: 1,
                sample_rate: rate,
                bits_per_sample: 16,
                sample_format: hound::SampleFormat::Int,
            };
            let mut out = hound::WavWriter::create(path, spec)?;
            for v in at_rate(x, rate) {
                out.write_sample(v)?;
            }
            out.finalize()?;
        }
        (Media::Audio(x), Form::S16le) => {
            let bytes: Vec<u8> = at_rate(x, rate)
                .iter()
                .flat_map(|v| v.to_le_bytes())
                .collect();
            std::fs::write(path, bytes)?;
        }
        (Media::Image(picture), Form::Png) => {
            picture.save_with_format(path, image::ImageFormat::Png)?;
        }
        (Media::Image(picture), Form::Ppm) => {
            let (w, h) = picture.dimensions();
            let mut bytes = format!("P6\n{w} {h}\n255\n").into_bytes();
            bytes.extend_from_slice(picture.as_raw());
            std::fs::write(path, bytes)?;
        }
        (Media::Video(clip), Form::Y4m) => std::fs::write(path, clip.to_y4m()?)?,
        (media, form) => bail!("{} as {form:?}", media.what()),
    }
    Ok(())
}

/// Reads what a decoder wrote.
///
/// # Errors
/// Damage, another kind of file.
pub fn read(path: &Path, form: Form, rate: u32) -> Result<Media> {
    Ok(match form {
        Form::Wav => Media::Audio(audio::read(path)?),
        Form::S16le => {
            let bytes = std::fs::read(path)?;
            let (pairs, rest) = bytes.as_chunks::<2>();
            ensure!(rest.is_empty(), "half a sample at its end");
            let x: Vec<f64> = pairs
                .iter()
                .map(|&b| f64::from(i16::from_le_bytes(b)) / FULL)
                .collect();
            let x = if rate == RATE {
                x
            } else {
                resample(&x, rate, RATE, Filter::FINE)
            };
            Media::Audio(x.into_iter().map(|v| v as f32).collect())
        }
        Form::Png => {
            let bytes = std::fs::read(path)?;
            let format = image::ImageFormat::Png;
            Media::Image(image::load_from_memory_with_format(&bytes, format)?.to_rgb8())
        }
        Form::Ppm => Media::Image(read_ppm(&std::fs::read(path)?)?),
        Form::Y4m => Media::Video(video::read(path)?),
        Form::Raw => Media::Bytes(std::fs::read(path)?),
    })
}

/// A binary PPM of 8 bits.
fn read_ppm(bytes: &[u8]) -> Result<RgbImage> {
    let mut rest = bytes.strip_prefix(b"P6").context("not a binary PPM")?;
    let mut number = || -> Option<u32> {
        loop {
            rest = rest.trim_ascii_start();
            match rest.strip_prefix(b"#") {
                Some(comment) => {
                    let end = comment.iter().position(|&b| b == b'\n')?;
                    rest = comment.get(end..)?;
                }
                None => break,
            }
        }
        let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let (digits, after) = rest.split_at(digits);
        rest = after;
        std::str::from_utf8(digits).ok()?.parse().ok()
    };
    let head = (number(), number(), number());
    let (Some(w), Some(h), Some(255)) = head else {
        bail!("a PPM of another kind");
    };
    let size = u128::from(w) * u128::from(h) * 3;
    let samples = rest.get(1..).filter(|s| s.len() as u128 == size);
    let samples = samples.context("a PPM of another size than it says")?;
    RgbImage::from_raw(w, h, samples.to_vec()).context("a PPM of another size")
}

impl Media {
    fn what(&self) -> &'static str {
        match self {
            Self::Audio(_) => "sound",
            Self::Image(_) => "a picture",
            Self::Video(_) => "a clip",
            Self::Bytes(_) => "a file",
        }
    }

    /// Frames, of a clip.
    pub fn frames(&self) -> Option<u64> {
        match self {
            Self::Video(clip) => Some(clip.frames() as u64),
            Self::Audio(_) | Self::Image(_) | Self::Bytes(_) => None,
        }
    }

    /// Seconds that it takes to hear or see.
    pub fn seconds(&self) -> Option<f64> {
        match self {
            Self::Audio(x) => Some(x.len() as f64 / f64::from(RATE)),
            Self::Video(clip) => clip.seconds(),
            Self::Image(_) | Self::Bytes(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
