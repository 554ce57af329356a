//! Coding records on a frozen circuit: one walk over the tree for each.
//!
//! Variables are coded in depth-first order. On entering a vertex, `a [K]` is the probability of
//! its states given all that was coded before. The symbol's distribution is the mixture of the leaf's
//! by `a`. `m [K]` is the likelihood of what has been coded at and below the vertex since; `a m` is what
//! goes down the edge to a child, and on leaving, `m` goes back up the edge into the parent's `m`.
//! What lies to the right is not seen yet and sums to one. So each edge is used twice, and a
//! record costs 2 |edges| + O(leaves) multiply-adds at most, whatever the depth, where coding each
//! variable by two full evaluations costs D times that, and the coder of Liu et al. (2022)
//! log D times. Once a symbol is known only the states of its bin are left, so an edge costs the part
//! of its table that starts in the parent's bin, once, and the part between two bins, once.
//!
//! Exactness: tables are integers; floats are made of them by exact conversion and only added,
//! multiplied and divided in one order ([`nc_kernels`]); cumulative frequencies are integer sums.
//! So bytes and symbols do not depend on the machine, the number of threads or how many records go
//! side by side.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use nc_core::entropy::{WIDE_PRECISION, WideDecoder, WideEncoder};
use nc_core::{Budget, Error, Records, RecordsBuf, Result, Text};
use ndarray::Array2;
use rayon::prelude::*;

use crate::frozen::Frozen;
use crate::walk::{Place, Room, Symbols};

/// A text, with its row and variable.
type Placed = (usize, usize, Vec<u8>);

/// Bytes of a text without its own: placed, and twice that while a list of them grows; then as it is given back.
const TEXT: u64 = 2 * size_of::<Placed>() as u64 + size_of::<Text>() as u64;

/// Most groups of records that go through the circuit side by side.
const LANES: usize = 256;

/// Groups side by side so that every thread has the same number of full blocks.
fn lanes(groups: usize, most: usize) -> usize {
    let blocks = groups
        .div_ceil(most)
        .next_multiple_of(rayon::current_num_threads().max(1));
    groups.div_ceil(blocks.max(1)).max(1)
}

impl Frozen {
    /// Checks records before they are coded.
    fn check(&self, records: &Records<'_>) -> Result<()> {
        let usage = |text: String| Err(Error::Usage(text));
        let d = self.alphabets.len();
        if records.values.ncols() != d {
            return usage(format!(
                "records of {} variables, the circuit has {d}",
                records.values.ncols()
            ));
        }
        let mut texts = records.texts.iter();
        for (r, row) in records.values.rows().into_iter().enumerate() {
            let variables = self.alphabets.iter().zip(&self.open);
            for (v, (x, (alphabet, open))) in row.iter().zip(variables).enumerate() {
                if u32::from(*x) >= *alphabet {
                    return usage(format!(
                        "record {r}: variable {v} is {x}, the circuit has {alphabet} values"
                    ));
                }
                if *open == Some(*x) && texts.next().map(|t| t.row) != Some(r) {
                    return usage(format!("record {r}: no text for variable {v}"));
                }
            }
        }
        match texts.next() {
            Some(t) => usage(format!("record {}: a text that no value asks for", t.row)),
            None => Ok(()),
        }
    }

    /// Codes records in groups of `group`: a group's bytes decode without the others'. The last
    /// group may be smaller. Gives [`Self::streams`] for each group, one after another.
    ///
    /// # Errors
    /// [`Error::Usage`] for records of another number of variables, values outside their alphabets,
    /// or texts that do not go with the values.
    pub fn encode(&self, records: Records<'_>, group: usize) -> Result<Vec<Vec<u8>>> {
        self.check(&records)?;
        let d = self.alphabets.len();
        // No group is larger than all.
        let group = group.clamp(1, records.values.nrows().max(1));
        let values = records.values.as_standard_layout();
        let values = values.as_slice().ok_or_else(missing)?;
        let groups: Vec<&[u16]> = values.chunks(group * d).collect();
        let lanes = lanes(groups.len(), LANES);
        let parts: Result<Vec<Vec<Vec<u8>>>> = groups
            .par_chunks(lanes)
            .enumerate()
            .map(|(block, groups)| {
                let streams = groups.len() * self.streams();
                let mut coders = vec![WideEncoder::new(); streams];
                let mut room = Room::default();
                for r in 0..group {
                    // Groups are of one size but for the last: those that go on come first.
                    let (from, to) = (r * d, (r + 1) * d);
                    let rows: Vec<&[u16]> = groups.iter().map_while(|g| g.get(from..to)).collect();
                    if rows.is_empty() {
                        break;
                    }
                    let lanes_here = rows.len();
                    let mut put = Put {
                        coders: &mut coders,
                        rows,
                        texts: records.texts,
                        first: block * lanes * group + r,
                        step: group,
                    };
                    self.walk(lanes_here, self.tree.vertices().len(), &mut room, &mut put)?;
                }
                Ok(coders.into_iter().map(WideEncoder::finish).collect())
            })
            .collect();
        Ok(parts?.into_iter().flatten().collect())
    }

    /// Decodes streams of [`Self::encode`]: `records` of them in groups of `group`; with `wanted`
    /// only as far as these variables ask for, the others as they are or 0.
    ///
    /// # Errors
    /// [`Error::Format`] for bytes that no encoder wrote or another number of groups;
    /// [`Error::Usage`] for a variable that there is not; [`Error::Limit`] past the budget; that of `check`, which is
    /// asked before each record of a group.
    pub fn decode(
        &self,
        streams: &[&[u8]],
        records: usize,
        group: usize,
        wanted: Option<&[usize]>,
        budget: &mut Budget,
        check: &(dyn Fn() -> Result<()> + Sync),
    ) -> Result<RecordsBuf> {
        let d = self.alphabets.len();
        let per = self.streams();
        let groups: Vec<&[&[u8]]> = streams.chunks(per).collect();
        if group == 0
            || !streams.len().is_multiple_of(per)
            || groups.len() != records.div_ceil(group)
        {
            return Err(Error::Format("another number of groups of records".into()));
        }
        let end = self.end(wanted, group)?;
        let size = (records as u64).checked_mul(2 * d as u64);
        budget.charge(size.ok_or_else(|| Error::Limit("too many records in a chunk".into()))?)?;
        // No group is larger than all; charged, so that products of what follows are in range.
        let group = group.min(records.max(1));
        // The range coders hold words of their own.
        let words = streams.iter().map(|s| s.len() as u64).sum::<u64>();
        budget.charge(words)?;
        // As many lanes as the budget has room for: they change no symbol.
        let threads = rayon::current_num_threads().max(1);
        let lane = self.lane_bytes() as u64 * threads as u64;
        let most = budget.left() / 2 / lane;
        let most = most.clamp(1, LANES as u64) as usize;
        let lanes = lanes(groups.len(), most);
        let held = lane * lanes as u64;
        budget.charge(held)?;
        let left = AtomicU64::new(budget.left());
        let mut values = vec![0u16; records * d];
        let texts: Result<Vec<Vec<Placed>>> = values
            .par_chunks_mut((lanes * group * d).max(1))
            .zip(groups.par_chunks(lanes))
            .enumerate()
            .map(|(block, (values, groups))| {
                let coders: Result<Vec<WideDecoder>> = groups
                    .iter()
                    .copied()
                    .flatten()
                    .map(|s| WideDecoder::new(s))
                    .collect();
                let mut coders = coders?;
                let records = values.len() / d;
                let mut room = Room::default();
                let mut texts = Vec::new();
                for r in 0..group {
                    let count = (0..groups.len())
                        .take_while(|lane| lane * group + r < records)
                        .count();
                    if count == 0 {
                        break;
                    }
                    check()?;
                    let mut get = Get {
                        coders: &mut coders,
                        values,
                        texts: &mut texts,
                        row: r,
                        step: group,
                        first: block * lanes * group,
                        left: &left,
                    };
                    self.walk(count, end, &mut room, &mut get)?;
                }
                Ok(texts)
            })
            .collect();
        let mut texts: Vec<_> = texts?.into_iter().flatten().collect();
        texts.sort_unstable();
        budget.release(held + words);
        let texts = texts
            .into_iter()
            .map(|(row, _, bytes)| Text { row, bytes })
            .collect();
        let values = Array2::from_shape_vec((records, d), values)
            .map_err(|e| Error::Format(e.to_string().into()))?;
        Ok(RecordsBuf { values, texts })
    }

    /// Bits that each variable costs over all records, given those coded before it, its texts not
    /// counted: what the coder pays, but for the ends of streams.
    ///
    /// # Errors
    /// As for [`Self::encode`].
    pub fn bits(&self, records: Records<'_>) -> Result<Vec<f64>> {
        self.check(&records)?;
        let d = self.alphabets.len();
        let values = records.values.as_standard_layout();
        let rows: Vec<&[u16]> = values.as_slice().ok_or_else(missing)?.chunks(d).collect();
        let parts: Result<Vec<Vec<f64>>> = rows
            .par_chunks(lanes(rows.len(), LANES))
            .map(|rows| {
                let mut tally = Tally {
                    rows,
                    bits: vec![0.0; d],
                };
                let end = self.tree.vertices().len();
                self.walk(rows.len(), end, &mut Room::default(), &mut tally)?;
                Ok(tally.bits)
            })
            .collect();
        let mut sum = vec![0.0; d];
        for part in parts? {
            sum.iter_mut().zip(&part).for_each(|(s, b)| *s += b);
        }
        Ok(sum)
    }

    /// One past the last vertex that has to be decoded for `wanted` variables: in a group of many
    /// records, whole streams.
    fn end(&self, wanted: Option<&[usize]>, group: usize) -> Result<usize> {
        let vertices = self.tree.vertices();
        let Some(wanted) = wanted else {
            return Ok(vertices.len());
        };
        if let Some(v) = wanted.iter().find(|v| **v >= self.alphabets.len()) {
            return Err(Error::Usage(format!(
                "variable {v}, the circuit has {}",
                self.alphabets.len()
            )));
        }
        let needed = |v: &crate::Vertex| v.variable.is_some_and(|x| wanted.contains(&x));
        let end = vertices.iter().rposition(needed).map_or(0, |last| last + 1);
        Ok(match group {
            1 => end,
            _ if end <= self.first => self.first,
            _ => vertices.len(),
        })
    }
}

struct Tally<'a> {
    rows: &'a [&'a [u16]],
    bits: Vec<f64>,
}

impl Symbols for Tally<'_> {
    fn code(&mut self, f: &Frozen, at: Place, lane: usize, weights: &[u32]) -> Result<u16> {
        let x = self.rows.get(lane).and_then(|row| row.get(at.variable));
        let x = *x.ok_or_else(missing)?;
        let (left, right) = f.share(at.vertex, weights, x)?;
        let bits = self.bits.get_mut(at.variable).ok_or_else(missing)?;
        *bits += WIDE_PRECISION as f64 - f64::from(right - left).log2();
        Ok(x)
    }
}

struct Put<'a> {
    coders: &'a mut [WideEncoder],
    rows: Vec<&'a [u16]>,
    texts: &'a [Text],
    /// Record of the first lane, and from lane to lane.
    first: usize,
    step: usize,
}

impl Put<'_> {
    /// The text of a record's variable: texts stand in the order of the open variables.
    fn text(&self, f: &Frozen, lane: usize, variable: usize) -> Result<&[u8]> {
        let record = self.first + lane * self.step;
        let start = self.texts.partition_point(|t| t.row < record);
        let row = self.rows.get(lane).ok_or_else(missing)?;
        let open = f.open.iter().zip(*row).take(variable);
        let before = open.filter(|(o, x)| **o == Some(**x)).count();
        let text = self.texts.get(start + before).ok_or_else(missing)?;
        Ok(&text.bytes)
    }
}

impl Symbols for Put<'_> {
    fn code(&mut self, f: &Frozen, at: Place, lane: usize, weights: &[u32]) -> Result<u16> {
        let x = self.rows.get(lane).and_then(|row| row.get(at.variable));
        let x = *x.ok_or_else(missing)?;
        let (left, right) = f.share(at.vertex, weights, x)?;
        let text = match f.is_open(at.variable, x) {
            true => Some(self.text(f, lane, at.variable)?.to_vec()),
            false => None,
        };
        let coder = self.coders.get_mut(f.coder(lane, at.vertex));
        let coder = coder.ok_or_else(missing)?;
        coder.put_share(left, right)?;
        if let Some(text) = text {
            f.texts.put(&text, coder)?;
        }
        Ok(x)
    }
}

struct Get<'a> {
    coders: &'a mut [WideDecoder],
    values: &'a mut [u16],
    /// Record, variable, text.
    texts: &'a mut Vec<Placed>,
    /// Record of the first lane in `values`, and from lane to lane.
    row: usize,
    step: usize,
    /// Record at the start of `values`.
    first: usize,
    left: &'a AtomicU64,
}

impl Symbols for Get<'_> {
    fn code(&mut self, f: &Frozen, at: Place, lane: usize, weights: &[u32]) -> Result<u16> {
        let coder = self.coders.get_mut(f.coder(lane, at.vertex));
        let coder = coder.ok_or_else(missing)?;
        let fault = Cell::new(None);
        let x = coder.get(|quantile| {
            f.search(at.vertex, weights, quantile).unwrap_or_else(|e| {
                fault.set(Some(e));
                (0, 0, 1)
            })
        })? as u16;
        if let Some(e) = fault.take() {
            return Err(e);
        }
        let row = self.row + lane * self.step;
        if f.is_open(at.variable, x) {
            // What a text takes beside its bytes, here and in what is given back.
            charge(self.left, TEXT)?;
            let text = f.texts.get(coder, &mut |bytes| charge(self.left, bytes))?;
            let row = self.first + row;
            self.texts.push((row, at.variable, text));
        }
        let value = self.values.get_mut(row * f.alphabets.len() + at.variable);
        *value.ok_or_else(missing)? = x;
        Ok(x)
    }
}

fn missing() -> Error {
    Error::Internal("circuit: a record or a variable that is not there".into())
}

/// Takes bytes from a budget that threads share.
fn charge(left: &AtomicU64, bytes: u64) -> Result<()> {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |l| {
        l.checked_sub(bytes)
    })
    .map(drop)
    .map_err(|l| Error::Limit(format!("{bytes} bytes of text, {l} left in the budget").into()))
}
