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

use std::sync::atomic::{AtomicU64, Ordering};

use nc::entropy::{WIDE_PRECISION, WideDecoder, WideEncoder};
use nc::{Budget, Error, Records, RecordsBuf, Result, Text};
use ndarray::Array2;
use rayon::prelude::*;

use crate::frozen::{Frozen, Tables, weights_total};

/// A text, with its row and variable.
type Placed = (usize, usize, Vec<u8>);

/// Most groups of records that go through the circuit side by side.
const LANES: usize = 256;

/// Groups side by side so that every thread has the same number of full blocks.
fn lanes(groups: usize, most: usize) -> usize {
    let blocks = groups
        .div_ceil(most)
        .next_multiple_of(rayon::current_num_threads().max(1));
    groups.div_ceil(blocks.max(1)).max(1)
}

fn fault(e: nc_kernels::KernelError) -> Error {
    Error::Usage(format!("circuit: {e}"))
}

/// A vertex on the path to the current one. A record's rows hold the states of the bin that its value
/// is in; records of the same bins here and at the parent lie together, so that edges are products
/// of matrices. No arithmetic of a record depends on what lies beside it.
#[derive(Default)]
struct Open {
    vertex: usize,
    /// Probability of the states when the vertex was entered, given the past.
    a: Vec<f32>,
    /// Likelihood of what was coded here and below since, up to a factor.
    m: Vec<f32>,
    /// Records of one pair of bins, in order.
    runs: Vec<Run>,
    /// Lane of each row.
    lanes: Vec<u32>,
    /// Of each lane its row, and where that starts.
    rows: Vec<(u32, u32)>,
    /// Bin of each lane.
    bins: Vec<u16>,
}

/// Records of a bin whose parents are of one bin.
struct Run {
    bin: usize,
    above: usize,
    records: usize,
}

/// What happens to the symbols: given a vertex and the weights `[records, states]` of records that are in
/// these lanes, codes one symbol per lane.
trait Symbols {
    fn code(
        &mut self,
        frozen: &Frozen,
        vertex: usize,
        lanes: &[u32],
        weights: &[u32],
        out: &mut [u16],
    ) -> Result<()>;
}

/// Memory of a walk that the next one uses again.
#[derive(Default)]
struct Room {
    path: Vec<Open>,
    open: Vec<Open>,
    /// Probabilities of the states of the vertex that is entered, in the order of the parent's rows.
    entered: Vec<f32>,
    /// Probabilities of the parent's states by now, in the same order.
    now: Vec<f32>,
    /// Likelihoods that go up an edge.
    up: Vec<f32>,
    starts: Vec<[u32; 3]>,
    weights: Vec<u32>,
    coded: Vec<u16>,
}

impl Open {
    /// Gives every lane a row, by its bin and then by that of the parent, which `above` has.
    fn place(&mut self, tables: &Tables, above: &Open, starts: &mut Vec<[u32; 3]>) {
        let parents = (tables.down.len()).max(1);
        let key = |own: u16, above: u16| usize::from(own) * parents + usize::from(above);
        // Per pair of bins: records; then its first row, and where that starts.
        starts.clear();
        starts.resize(tables.bins.len() * parents, [0; 3]);
        for (own, above) in self.bins.iter().zip(&above.bins) {
            starts[key(*own, *above)][0] += 1;
        }
        self.runs.clear();
        let (mut row, mut at) = (0, 0);
        for (pair, start) in starts.iter_mut().enumerate() {
            let records = start[0];
            let bin = pair / parents;
            *start = [records, row, at];
            row += records;
            at += records * tables.bins[bin].states.len() as u32;
            if records > 0 {
                self.runs.push(Run {
                    bin,
                    above: pair % parents,
                    records: records as usize,
                });
            }
        }
        self.a.resize(at as usize, 0.0);
        self.m.resize(at as usize, 0.0);
        self.lanes.resize(self.bins.len(), 0);
        self.rows.clear();
        for (lane, (own, above)) in self.bins.iter().zip(&above.bins).enumerate() {
            let start = &mut starts[key(*own, *above)];
            self.rows.push((start[1], start[2]));
            self.lanes[start[1] as usize] = lane as u32;
            start[1] += 1;
            start[2] += tables.bins[usize::from(*own)].states.len() as u32;
        }
    }
}

impl Frozen {
    /// Bytes that one lane of a walk holds at most.
    fn lane_bytes(&self) -> usize {
        // Over all vertices on the way down, for in preorder the path is not longer than that.
        let vertices = self.tree.vertices();
        let mut held = vec![0usize; vertices.len()];
        let mut most = 0;
        for (i, v) in vertices.iter().enumerate() {
            let own = v.states.saturating_mul(16).saturating_add(64);
            held[i] = v.parent.map_or(0, |p| held[p]).saturating_add(own);
            most = most.max(held[i]);
        }
        most.saturating_add(1024)
    }

    /// Leaves the vertices below `parent` on the path.
    fn leave(&self, room: &mut Room, parent: Option<usize>) -> Result<()> {
        while room.path.last().map(|o| Some(o.vertex)) != Some(parent) {
            let Some(below) = room.path.pop() else { break };
            let tables = &self.vertices[below.vertex];
            let mut u = std::mem::take(&mut room.up);
            // A vertex of one state tells nothing.
            if let Some(above) = room.path.last_mut()
                && self.tree.vertices()[below.vertex].states > 1
            {
                let (mut m, mut lanes) = (&below.m[..], &below.lanes[..]);
                for run in &below.runs {
                    let up = &tables.up[run.above * tables.bins.len() + run.bin];
                    let (n, k) = (run.records, up.outputs());
                    u.resize(n * k, 0.0);
                    let from = m.split_at(n * up.inputs());
                    self.kernels.linear(up, from.0, &mut u).map_err(fault)?;
                    m = from.1;
                    let here = lanes.split_at(n);
                    lanes = here.1;
                    for (u, lane) in u.chunks_exact(k).zip(here.0) {
                        let at = above.rows[*lane as usize].1 as usize;
                        let m = &mut above.m[at..at + k];
                        self.kernels.absorb(k, m, u).map_err(fault)?;
                    }
                }
            }
            room.up = u;
            room.open.push(below);
        }
        Ok(())
    }

    /// Takes one record per lane through the circuit, as far as vertex `end`.
    fn walk(
        &self,
        lanes: usize,
        end: usize,
        room: &mut Room,
        symbols: &mut dyn Symbols,
    ) -> Result<()> {
        while let Some(o) = room.path.pop() {
            room.open.push(o);
        }
        room.coded.resize(lanes, 0);
        // What the root sees above it: one bin, lanes in their order.
        let mut top = Open::default();
        top.lanes.extend(0..lanes as u32);
        top.rows.extend((0..lanes as u32).map(|i| (i, 0)));
        top.bins.resize(lanes, 0);
        for (i, v) in self.tree.vertices()[..end].iter().enumerate() {
            let k = v.states;
            let tables = &self.vertices[i];
            if v.parent.is_some() {
                self.leave(room, v.parent)?;
            }
            room.entered.resize(lanes * k, 0.0);
            let entered = &mut room.entered;
            let above = match room.path.last() {
                None => {
                    let rows = entered.chunks_exact_mut(k);
                    rows.for_each(|a| a.copy_from_slice(&tables.prior));
                    &top
                }
                Some(above) => {
                    room.now.resize(above.a.len(), 0.0);
                    let now = &mut room.now;
                    self.kernels
                        .multiply(&above.a, &above.m, now)
                        .map_err(fault)?;
                    let (mut from, mut to) = (&now[..], &mut entered[..]);
                    // Runs of one bin are neighbours.
                    for runs in above.runs.chunk_by(|a, b| a.bin == b.bin) {
                        let n: usize = runs.iter().map(|r| r.records).sum();
                        let down = &tables.down[runs[0].bin];
                        let (a, rest) = from.split_at(n * down.inputs());
                        let (out, more) = to.split_at_mut(n * k);
                        self.kernels.linear(down, a, out).map_err(fault)?;
                        (from, to) = (rest, more);
                    }
                    above
                }
            };
            let mut own = room.open.pop().unwrap_or_default();
            own.vertex = i;
            own.bins.clear();
            if v.variable.is_some() {
                room.weights.resize(lanes * k, 0);
                self.kernels
                    .shares(k, weights_total(k), &mut room.entered, &mut room.weights)
                    .map_err(fault)?;
                symbols.code(self, i, &above.lanes, &room.weights, &mut room.coded)?;
                let coded = room.coded.iter();
                own.bins.extend(coded.map(|x| self.bin(i, *x) as u16));
            } else {
                self.kernels
                    .normalise(k, &mut room.entered)
                    .map_err(fault)?;
                own.bins.resize(lanes, 0);
            }
            own.place(tables, above, &mut room.starts);
            for lane in 0..lanes {
                let bin = &tables.bins[usize::from(own.bins[lane])];
                let from = above.rows[lane].0 as usize * k;
                let from = from + bin.states.start..from + bin.states.end;
                let at = own.rows[lane].1 as usize;
                let a = &mut own.a[at..at + bin.states.len()];
                a.copy_from_slice(&room.entered[from]);
                let m = &mut own.m[at..at + bin.states.len()];
                if v.variable.is_some() {
                    let (low, high) = bin.ends(usize::from(room.coded[lane]));
                    self.kernels.observe(low, high, m).map_err(fault)?;
                } else {
                    m.fill(1.0);
                }
            }
            room.path.push(own);
        }
        Ok(())
    }

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
            for (v, x) in row.iter().enumerate() {
                if u32::from(*x) >= self.alphabets[v] {
                    return usage(format!(
                        "record {r}: variable {v} is {x}, the circuit has {} values",
                        self.alphabets[v]
                    ));
                }
                if self.open[v] == Some(*x) && texts.next().map(|t| t.row) != Some(r) {
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
        let group = group.max(1);
        let values = records.values.as_standard_layout();
        let values = values.as_slice().unwrap_or_default();
        let groups: Vec<&[u16]> = values.chunks(group.saturating_mul(d)).collect();
        let lanes = lanes(groups.len(), LANES);
        let parts: Result<Vec<Vec<Vec<u8>>>> = groups
            .par_chunks(lanes)
            .enumerate()
            .map(|(block, groups)| {
                let mut coders = vec![WideEncoder::new(); groups.len() * self.streams()];
                let mut room = Room::default();
                for r in 0..group {
                    // Groups are of one size but for the last: those that go on come first.
                    let rows: Vec<&[u16]> = groups
                        .iter()
                        .map_while(|g| g.get(r * d..(r + 1) * d))
                        .collect();
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
    /// [`Error::Usage`] for a variable that there is not; [`Error::Limit`] past the budget.
    pub fn decode(
        &self,
        streams: &[&[u8]],
        records: usize,
        group: usize,
        wanted: Option<&[usize]>,
        budget: &mut Budget,
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
        budget.charge((records as u64).saturating_mul(d as u64 * 2))?;
        // As many lanes as the budget has room for: they change no symbol.
        let threads = rayon::current_num_threads().max(1);
        let lane = self.lane_bytes().saturating_mul(threads);
        let most = (budget.left() / 2 / lane.max(1) as u64).clamp(1, LANES as u64) as usize;
        let lanes = lanes(groups.len(), most);
        let held = (lane as u64).saturating_mul(lanes as u64);
        budget.charge(held)?;
        let left = AtomicU64::new(budget.left());
        let mut values = vec![0u16; records * d];
        let texts: Result<Vec<Vec<Placed>>> = values
            .par_chunks_mut(lanes.saturating_mul(group).saturating_mul(d).max(1))
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
        budget.release(held);
        let texts = texts
            .into_iter()
            .map(|(row, _, bytes)| Text { row, bytes })
            .collect();
        let values = Array2::from_shape_vec((records, d), values)
            .map_err(|e| Error::Format(e.to_string()))?;
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
        let rows: Vec<&[u16]> = values.as_slice().unwrap_or_default().chunks(d).collect();
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
    fn code(
        &mut self,
        f: &Frozen,
        vertex: usize,
        lanes: &[u32],
        weights: &[u32],
        out: &mut [u16],
    ) -> Result<()> {
        let v = f.tree.vertices()[vertex];
        let variable = v.variable.unwrap_or(0);
        for (w, lane) in weights.chunks_exact(v.states).zip(lanes) {
            let lane = *lane as usize;
            let x = self.rows[lane][variable];
            let (left, right) = f.share(vertex, w, x);
            self.bits[variable] += WIDE_PRECISION as f64 - f64::from(right - left).log2();
            out[lane] = x;
        }
        Ok(())
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
    fn text(&self, f: &Frozen, lane: usize, variable: usize) -> &[u8] {
        let record = self.first + lane * self.step;
        let start = self.texts.partition_point(|t| t.row < record);
        let open = f.open.iter().zip(self.rows[lane]).take(variable);
        let before = open.filter(|(o, x)| **o == Some(**x)).count();
        self.texts
            .get(start + before)
            .map_or(&[], |t| t.bytes.as_slice())
    }
}

impl Symbols for Put<'_> {
    fn code(
        &mut self,
        f: &Frozen,
        vertex: usize,
        lanes: &[u32],
        weights: &[u32],
        out: &mut [u16],
    ) -> Result<()> {
        let v = f.tree.vertices()[vertex];
        let variable = v.variable.unwrap_or(0);
        let (per, stream) = (f.streams(), f.stream(vertex));
        for (w, lane) in weights.chunks_exact(v.states).zip(lanes) {
            let lane = *lane as usize;
            let x = self.rows[lane][variable];
            let share = f.share(vertex, w, x);
            let text = match f.open[variable] {
                Some(open) if open == x => Some(self.text(f, lane, variable).to_vec()),
                _ => None,
            };
            let coder = &mut self.coders[lane * per + stream];
            coder.put_share(share.0, share.1)?;
            if let Some(text) = text {
                f.texts.put(&text, coder)?;
            }
            out[lane] = x;
        }
        Ok(())
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
    fn code(
        &mut self,
        f: &Frozen,
        vertex: usize,
        lanes: &[u32],
        weights: &[u32],
        out: &mut [u16],
    ) -> Result<()> {
        let v = f.tree.vertices()[vertex];
        let variable = v.variable.unwrap_or(0);
        let d = f.alphabets.len();
        let (per, stream) = (f.streams(), f.stream(vertex));
        for (w, lane) in weights.chunks_exact(v.states).zip(lanes) {
            let lane = *lane as usize;
            let coder = &mut self.coders[lane * per + stream];
            let x = coder.get(|quantile| f.find(vertex, w, quantile))? as u16;
            let row = self.row + lane * self.step;
            if f.open[variable] == Some(x) {
                let text = f.texts.get(coder, &mut |bytes| charge(self.left, bytes))?;
                self.texts.push((self.first + row, variable, text));
            }
            out[lane] = x;
            self.values[row * d + variable] = x;
        }
        Ok(())
    }
}

/// Takes bytes from a budget that threads share.
fn charge(left: &AtomicU64, bytes: u64) -> Result<()> {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |l| {
        l.checked_sub(bytes)
    })
    .map(drop)
    .map_err(|l| Error::Limit(format!("{bytes} bytes of text, {l} left in the budget")))
}
