//! Samples, bytes, rows or frames that wait for a whole chunk.
//!
//! An encoder takes pieces of any length and hands its codec chunks of one length: what is between
//! the two lies here.

use ndarray::Array2;

use crate::{
    AudioBuf, Error, Format, RecordsBuf, Result, Signal, SignalBuf, Text, VideoBuf, VideoFormat,
};

pub(crate) enum Pending {
    Bytes(Vec<u8>),
    Audio {
        rate: u32,
        rows: Vec<Vec<f32>>,
    },
    Records {
        values: Vec<u16>,
        variables: usize,
        texts: Vec<Text>,
    },
    Video {
        format: VideoFormat,
        samples: Vec<u16>,
        frame: usize,
    },
}

/// Whole units of `size` values in `values`.
fn wholes(values: &[u16], size: usize) -> usize {
    values.len().checked_div(size).unwrap_or(0)
}

/// The first `n` values, or all where there are fewer.
fn head<T>(values: &[T], n: usize) -> &[T] {
    values.get(..n).unwrap_or(values)
}

impl Pending {
    /// Nothing yet, of a signal of `format`.
    pub(crate) fn new(format: Format) -> Result<Self> {
        Ok(match format {
            Format::Bytes => Self::Bytes(Vec::new()),
            Format::Audio { rate, channels, .. } => Self::Audio {
                rate,
                rows: vec![Vec::new(); usize::from(channels)],
            },
            Format::Records { variables } => Self::Records {
                values: Vec::new(),
                variables: (variables as usize).max(1),
                texts: Vec::new(),
            },
            Format::Video(format) => Self::Video {
                format,
                samples: Vec::new(),
                frame: format.frame_samples()?.max(1),
            },
        })
    }

    pub(crate) fn units(&self) -> u64 {
        match self {
            Self::Bytes(b) => b.len() as u64,
            Self::Audio { rows, .. } => rows.first().map_or(0, |r| r.len() as u64),
            Self::Records {
                values, variables, ..
            } => wholes(values, *variables) as u64,
            Self::Video { samples, frame, .. } => wholes(samples, *frame) as u64,
        }
    }

    /// Takes the next piece.
    pub(crate) fn push(&mut self, x: Signal<'_>) -> Result<()> {
        match (x, self) {
            (Signal::Bytes(b), Self::Bytes(p)) => p.extend_from_slice(b),
            (Signal::Audio(a), Self::Audio { rate, rows })
                if a.rate == *rate && a.samples.nrows() == rows.len() =>
            {
                for (row, new) in rows.iter_mut().zip(a.samples.rows()) {
                    row.extend(new.iter());
                }
            }
            (
                Signal::Records(x),
                Self::Records {
                    values,
                    variables,
                    texts,
                },
            ) if x.values.ncols() == *variables => {
                let first = wholes(values, *variables);
                values.extend(x.values.iter());
                texts.extend(x.texts.iter().map(|t| Text {
                    row: first.saturating_add(t.row),
                    bytes: t.bytes.clone(),
                }));
            }
            (
                Signal::Video(x),
                Self::Video {
                    format,
                    samples,
                    frame,
                },
            ) if x.format == *format => {
                if !x.samples.len().is_multiple_of(*frame) {
                    return Err(Error::Usage("a piece that is not whole frames".into()));
                }
                if x.samples.iter().any(|&s| s > format.max()) {
                    return Err(Error::Usage("samples beyond their bits".into()));
                }
                samples.extend_from_slice(x.samples);
            }
            _ => {
                return Err(Error::Usage(
                    "another format than the encoder was made for".into(),
                ));
            }
        }
        Ok(())
    }

    /// A copy of the first `n` units, or of all where there are fewer.
    pub(crate) fn first(&self, n: usize) -> SignalBuf {
        match self {
            Self::Bytes(b) => SignalBuf::Bytes(head(b, n).to_vec()),
            Self::Audio { rate, rows } => {
                let n = n.min(rows.first().map_or(0, Vec::len));
                let mut samples = Array2::zeros((rows.len(), n));
                for (mut to, from) in samples.rows_mut().into_iter().zip(rows) {
                    to.iter_mut().zip(from).for_each(|(t, f)| *t = *f);
                }
                SignalBuf::Audio(AudioBuf {
                    rate: *rate,
                    samples,
                })
            }
            Self::Records {
                values,
                variables,
                texts,
            } => {
                let n = n.min(wholes(values, *variables));
                let values = head(values, n.saturating_mul(*variables)).to_vec();
                let values = Array2::from_shape_vec((n, *variables), values).unwrap_or_default();
                let texts = texts.iter().take_while(|t| t.row < n).cloned().collect();
                SignalBuf::Records(RecordsBuf { values, texts })
            }
            Self::Video {
                format,
                samples,
                frame,
            } => {
                let n = n.min(wholes(samples, *frame));
                SignalBuf::Video(VideoBuf {
                    format: *format,
                    samples: head(samples, n.saturating_mul(*frame)).to_vec(),
                })
            }
        }
    }

    /// Forgets the first `n` units.
    pub(crate) fn drop(&mut self, n: usize) {
        match self {
            Self::Bytes(b) => drop(b.drain(..n.min(b.len()))),
            Self::Audio { rows, .. } => {
                for row in rows {
                    row.drain(..n.min(row.len()));
                }
            }
            Self::Records {
                values,
                variables,
                texts,
            } => {
                let n = n.min(wholes(values, *variables));
                values.drain(..n.saturating_mul(*variables));
                texts.retain_mut(|t| {
                    let keep = t.row >= n;
                    t.row = t.row.wrapping_sub(n);
                    keep
                });
            }
            Self::Video { samples, frame, .. } => {
                let n = n.min(wholes(samples, *frame));
                samples.drain(..n.saturating_mul(*frame));
            }
        }
    }
}
