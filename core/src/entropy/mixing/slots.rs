//! Hashed contexts: a slot of 16 bytes for the 15 nodes of a nibble, four slots in a cache line.

use super::prefetch;

/// Bytes of a slot: a check and the nodes 1 to 15 of a tree of four decisions.
pub const NODES: usize = 16;

#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Line([u8; 64]);

/// A table of slots, each a check of 8 bits and fifteen bytes of history.
///
/// A context is looked up once for a nibble, which touches one cache line; its decisions then use the nodes 1, 2 or 3, 4 to
/// 7, 8 to 15. Where no slot of the line has the context's check, the one whose first node has seen least gives way.
#[derive(Debug, Clone)]
pub struct Slots {
    lines: Vec<Line>,
    mask: u32,
}

impl Slots {
    /// `2^bits` bytes of slots; `bits` from 6 to 34 and what lies beyond counts as the nearest.
    #[must_use]
    pub fn new(bits: u32) -> Self {
        let lines = 1usize << (bits.clamp(6, 34) - 6);
        Self {
            lines: vec![Line([0; 64]); lines],
            mask: (lines - 1) as u32,
        }
    }

    /// Asks for the line of a hash, so that it is there when [`Self::find`] comes.
    #[inline(always)]
    pub fn prefetch(&self, hash: u32) {
        prefetch(&self.lines, self.line(hash));
    }

    #[inline(always)]
    fn line(&self, hash: u32) -> usize {
        // The low eight bits are the check.
        ((hash >> 8 ^ hash << 16) & self.mask) as usize
    }

    /// The slot of a context whose hash has even bits: what [`Self::node`] takes.
    #[inline(always)]
    pub fn find(&mut self, hash: u32) -> usize {
        let (at, check) = (self.line(hash), hash as u8);
        let line = &mut self.lines[at].0;
        let mut least = 0;
        let mut fewest = u8::MAX;
        for slot in 0..4 {
            let first = line[slot * NODES + 1];
            if line[slot * NODES] == check && first > 0 {
                return at * 4 + slot;
            }
            if first < fewest {
                (least, fewest) = (slot, first);
            }
        }
        let slot = &mut line[least * NODES..][..NODES];
        slot.fill(0);
        slot[0] = check;
        at * 4 + least
    }

    /// A node's byte; `slot` as [`Self::find`] gave it, `node` from 1 to 15.
    ///
    /// # Panics
    /// For a slot that no call gave.
    #[inline(always)]
    #[must_use]
    pub fn node(&self, slot: usize, node: usize) -> u8 {
        self.lines[slot >> 2].0[(slot & 3) * NODES + (node & 15)]
    }

    /// The same, to write.
    ///
    /// # Panics
    /// For a slot that no call gave.
    #[inline(always)]
    pub fn node_mut(&mut self, slot: usize, node: usize) -> &mut u8 {
        &mut self.lines[slot >> 2].0[(slot & 3) * NODES + (node & 15)]
    }

    /// Its lines.
    pub(super) fn bytes(&self) -> impl Iterator<Item = &[u8; 64]> {
        self.lines.iter().map(|l| &l.0)
    }

    /// Its lines, to write.
    pub(super) fn bytes_mut(&mut self) -> impl Iterator<Item = &mut [u8; 64]> {
        self.lines.iter_mut().map(|l| &mut l.0)
    }
}
