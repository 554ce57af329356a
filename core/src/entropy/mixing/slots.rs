//! Hashed contexts: a slot for the 15 nodes of a nibble, four slots in a cache line with their checks in front.

use super::prefetch;

/// Four checks, then 15 nodes of each slot.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Line([u8; 64]);

/// A table of slots, each a check of 8 bits and fifteen bytes of history.
///
/// A context is looked up once for a nibble, which touches one cache line; its decisions then use the nodes 1, 2 or 3, 4 to
/// 7, 8 to 15. Where no slot of the line has the context's check, the one whose first node has the lowest state gives way, the
/// first of several.
#[derive(Debug, Clone)]
pub struct Slots {
    lines: Vec<Line>,
    mask: u32,
}

/// A slot that was found: what [`Slots::node`] takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Slot {
    line: u32,
    /// Where node 0 would be: 3, 18, 33 or 48.
    first: u32,
}

impl Slots {
    /// `2^bits` bytes of slots; `bits` from 6 to 30, and what lies beyond counts as the nearest.
    #[must_use]
    pub fn new(bits: u32) -> Self {
        let lines = 1usize << (bits.clamp(6, 30) - 6);
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
        ((hash >> 8) & self.mask) as usize
    }

    /// The hash of a context within another, by a hash of what tells it from its siblings: its line lies in the same 4096
    /// bytes, so that one entry of the machine's page tables serves both.
    #[inline(always)]
    #[must_use]
    pub fn within(hash: u32, by: u32) -> u32 {
        hash ^ by & 0x3fff
    }

    /// The slot of a context with this hash, whose bits are to be even.
    #[inline(always)]
    pub fn find(&mut self, hash: u32) -> Slot {
        // 0 is the check of a slot that nobody has.
        let (at, check) = (self.line(hash), (hash & 255).max(1));
        let line = &mut self.lines[at].0;
        let checks = u32::from_le_bytes([line[0], line[1], line[2], line[3]]);
        // The lowest byte that is zero, in its highest bit; above it the borrow may err.
        let differ = checks ^ check.wrapping_mul(0x0101_0101);
        let same = differ.wrapping_sub(0x0101_0101) & !differ & 0x8080_8080;
        let slot = if same > 0 {
            same.trailing_zeros() >> 3
        } else {
            let key = |slot: u32| u32::from(line[4 + 15 * slot as usize]) << 2 | slot;
            let slot = key(0).min(key(1)).min(key(2).min(key(3))) & 3;
            line[4 + 15 * slot as usize..][..15].fill(0);
            line[slot as usize] = check as u8;
            slot
        };
        Slot {
            line: at as u32,
            first: 3 + 15 * slot,
        }
    }

    /// A node's byte; `node` from 1 to 15.
    ///
    /// # Panics
    /// For a slot of a larger table.
    #[inline(always)]
    #[must_use]
    pub fn node(&self, slot: Slot, node: usize) -> u8 {
        self.lines[slot.line as usize].0[(slot.first as usize + (node & 15)) & 63]
    }

    /// The same, to write.
    ///
    /// # Panics
    /// For a slot of a larger table.
    #[inline(always)]
    pub fn node_mut(&mut self, slot: Slot, node: usize) -> &mut u8 {
        &mut self.lines[slot.line as usize].0[(slot.first as usize + (node & 15)) & 63]
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
