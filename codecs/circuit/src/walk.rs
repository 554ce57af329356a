//! The walk of records around a circuit's tree, side by side.
//!
//! What it computes and why it is cheap stands in [`crate::coder`]; here is how: lanes of records, sorted by
//! bins at each vertex, through products of matrices.

use nc_core::{Error, Result};

use crate::frozen::{Frozen, Tables, weights_total};

fn fault(e: nc_kernels::KernelError) -> Error {
    Error::Internal(format!("circuit: {e}").into())
}

fn missing() -> Error {
    Error::Internal("circuit: a place that is not there".into())
}

/// The `n` numbers from `at` on.
fn part(row: &mut [f32], at: usize, n: usize) -> Result<&mut [f32]> {
    let rest = row.get_mut(at..).ok_or_else(missing)?;
    rest.get_mut(..n).ok_or_else(missing)
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

/// What happens to a symbol: that of a vertex's variable, for the record in a lane, under weights of the
/// vertex's states.
pub(crate) trait Symbols {
    fn code(&mut self, frozen: &Frozen, at: Place, lane: usize, weights: &[u32]) -> Result<u16>;
}

/// A vertex with its variable.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) vertex: usize,
    pub(crate) variable: usize,
}

/// Memory of a walk that the next one uses again.
#[derive(Default)]
pub(crate) struct Room {
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
    fn place(&mut self, tables: &Tables, above: &Open, starts: &mut Vec<[u32; 3]>) -> Result<()> {
        let parents = (tables.down.len()).max(1);
        let key = |own: u16, above: u16| usize::from(own) * parents + usize::from(above);
        let states = |bin: usize| match tables.bins.get(bin) {
            Some(b) => Ok(b.states.len() as u32),
            None => Err(missing()),
        };
        // Per pair of bins: records; then its first row, and where that starts.
        starts.clear();
        starts.resize(tables.bins.len() * parents, [0; 3]);
        for (own, above) in self.bins.iter().zip(&above.bins) {
            let [records, ..] = starts.get_mut(key(*own, *above)).ok_or_else(missing)?;
            *records += 1;
        }
        self.runs.clear();
        let (mut row, mut at) = (0u32, 0u32);
        let pairs = starts.chunks_exact_mut(parents).enumerate();
        let pairs = pairs.flat_map(|(bin, starts)| {
            let of = move |(above, start)| (bin, above, start);
            starts.iter_mut().enumerate().map(of)
        });
        for (bin, above, start) in pairs {
            let [records, ..] = *start;
            *start = [records, row, at];
            row += records;
            at += records * states(bin)?;
            if records > 0 {
                self.runs.push(Run {
                    bin,
                    above,
                    records: records as usize,
                });
            }
        }
        self.a.resize(at as usize, 0.0);
        self.m.resize(at as usize, 0.0);
        self.lanes.resize(self.bins.len(), 0);
        self.rows.clear();
        for (lane, (own, above)) in self.bins.iter().zip(&above.bins).enumerate() {
            let [_, row, at] = starts.get_mut(key(*own, *above)).ok_or_else(missing)?;
            self.rows.push((*row, *at));
            *self.lanes.get_mut(*row as usize).ok_or_else(missing)? = lane as u32;
            *row += 1;
            *at += states(usize::from(*own))?;
        }
        Ok(())
    }
}

impl Frozen {
    /// Bytes that one lane of a walk holds at most.
    pub(crate) fn lane_bytes(&self) -> usize {
        // Over all vertices on the way down, for in preorder the path is not longer than that.
        let mut held: Vec<usize> = Vec::with_capacity(self.vertices.len());
        let mut most = 0;
        for v in self.tree.vertices() {
            // A parent stands before its children.
            let above = v.parent.and_then(|p| held.get(p)).map_or(0, |held| *held);
            let all = above + v.states * 16 + 64;
            held.push(all);
            most = most.max(all);
        }
        most + 1024
    }

    /// Leaves the vertices below `parent` on the path.
    fn leave(&self, room: &mut Room, parent: Option<usize>) -> Result<()> {
        while room.path.last().map(|o| Some(o.vertex)) != Some(parent) {
            let Some(below) = room.path.pop() else { break };
            let tables = self.vertices.get(below.vertex).ok_or_else(missing)?;
            let states = self.tree.vertices().get(below.vertex).map(|v| v.states);
            let mut u = std::mem::take(&mut room.up);
            // A vertex of one state tells nothing.
            if let Some(above) = room.path.last_mut()
                && states.is_some_and(|k| k > 1)
            {
                let (mut m, mut lanes) = (&below.m[..], &below.lanes[..]);
                for run in &below.runs {
                    let up = tables.up.get(run.above * tables.bins.len() + run.bin);
                    let up = up.ok_or_else(missing)?;
                    let (n, k) = (run.records, up.outputs());
                    u.resize(n * k, 0.0);
                    let from = m.split_at_checked(n * up.inputs());
                    let from = from.ok_or_else(missing)?;
                    self.kernels.linear(up, from.0, &mut u).map_err(fault)?;
                    m = from.1;
                    let here = lanes.split_at_checked(n).ok_or_else(missing)?;
                    lanes = here.1;
                    for (u, lane) in u.chunks_exact(k).zip(here.0) {
                        let row = above.rows.get(*lane as usize).ok_or_else(missing)?;
                        let m = part(&mut above.m, row.1 as usize, k)?;
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
    pub(crate) fn walk(
        &self,
        lanes: usize,
        end: usize,
        room: &mut Room,
        symbols: &mut impl Symbols,
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
        let vertices = self.tree.vertices().iter().zip(&self.vertices);
        for (i, (v, tables)) in vertices.enumerate().take(end) {
            let k = v.states;
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
                        let down = runs.first().and_then(|r| tables.down.get(r.bin));
                        let down = down.ok_or_else(missing)?;
                        let a = from.split_at_checked(n * down.inputs());
                        let (a, rest) = a.ok_or_else(missing)?;
                        let out = to.split_at_mut_checked(n * k);
                        let (out, more) = out.ok_or_else(missing)?;
                        self.kernels.linear(down, a, out).map_err(fault)?;
                        (from, to) = (rest, more);
                    }
                    above
                }
            };
            let mut own = room.open.pop().unwrap_or_default();
            own.vertex = i;
            own.bins.clear();
            own.bins.resize(lanes, 0);
            if let Some(variable) = v.variable {
                room.weights.resize(lanes * k, 0);
                self.kernels
                    .shares(k, weights_total(k), &mut room.entered, &mut room.weights)
                    .map_err(fault)?;
                let at = Place {
                    vertex: i,
                    variable,
                };
                for (weights, lane) in room.weights.chunks_exact(k).zip(&above.lanes) {
                    let lane = *lane as usize;
                    let x = symbols.code(self, at, lane, weights)?;
                    *room.coded.get_mut(lane).ok_or_else(missing)? = x;
                    *own.bins.get_mut(lane).ok_or_else(missing)? = tables.bin_of(x) as u16;
                }
            } else {
                self.kernels
                    .normalise(k, &mut room.entered)
                    .map_err(fault)?;
            }
            own.place(tables, above, &mut room.starts)?;
            let lanes = own.bins.iter().zip(&own.rows).zip(&above.rows);
            for (((bin, (_, at)), (from, _)), coded) in lanes.zip(&room.coded) {
                let bin = tables.bins.get(usize::from(*bin)).ok_or_else(missing)?;
                let n = bin.states.len();
                let from = *from as usize * k + bin.states.start;
                let a = part(&mut own.a, *at as usize, n)?;
                a.copy_from_slice(part(&mut room.entered, from, n)?);
                let m = part(&mut own.m, *at as usize, n)?;
                if v.variable.is_some() {
                    let (low, high) = bin.ends(usize::from(*coded)).ok_or_else(missing)?;
                    self.kernels.observe(low, high, m).map_err(fault)?;
                } else {
                    m.fill(1.0);
                }
            }
            room.path.push(own);
        }
        Ok(())
    }
}
