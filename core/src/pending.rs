//! Samples, bytes, rows or frames that wait for a whole chunk.
//!
//! An encoder takes pieces of any length and hands its codec chunks of one length: what is between
//! the two lies here.

use ndarray::{Array2, ArrayView2};

use crate::{Audio, Error, Format, Records, Result, Signal, Text, Video, VideoFormat};

fn size<T>(all: &[T]) -> u64 {
    size_of_val(all) as u64
}

fn of_texts(texts: &[Text]) -> u64 {
    texts.iter().map(Text::held).fold(0, u64::saturating_add)
}

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

    /// Bytes of memory that it takes.
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Self::Bytes(b) => b.len() as u64,
            Self::Audio { rows, .. } => rows.iter().map(|r| size(r)).fold(0, u64::saturating_add),
            Self::Records { values, texts, .. } => size(values).saturating_add(of_texts(texts)),
            Self::Video { samples, .. } => size(samples),
        }
    }

    /// The first `n` units, or all where there are fewer; sound, which lies here channel by channel, as a copy in
    /// `room`.
    pub(crate) fn first<'a>(&'a self, n: usize, room: &'a mut Array2<f32>) -> Signal<'a> {
        match self {
            Self::Bytes(b) => Signal::Bytes(b.get(..n).unwrap_or(b)),
            Self::Audio { rate, rows } => {
                let n = n.min(rows.first().map_or(0, Vec::len));
                *room = Array2::zeros((rows.len(), n));
                for (mut to, from) in room.rows_mut().into_iter().zip(rows) {
                    to.iter_mut().zip(from).for_each(|(t, f)| *t = *f);
                }
                Signal::Audio(Audio {
                    rate: *rate,
                    samples: room.view(),
                })
            }
            Self::Records {
                values,
                variables,
                texts,
            } => {
                let end = n.saturating_mul(*variables);
                let values = values.get(..end).unwrap_or(values);
                let rows = values.chunks_exact(*variables).len();
                let last = texts.partition_point(|t| t.row < n);
                Signal::Records(Records {
                    // Whole rows are all that there is.
                    values: ArrayView2::from_shape((rows, *variables), values)
                        .unwrap_or_else(|_| ArrayView2::from(&[[0; 1]; 0])),
                    texts: texts.get(..last).unwrap_or(texts),
                })
            }
            Self::Video {
                format,
                samples,
                frame,
            } => {
                let end = n.saturating_mul(*frame);
                Signal::Video(Video {
                    format: *format,
                    samples: samples.get(..end).unwrap_or(samples),
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
