//! The model of a byte: contexts, histories, mixer and maps, over one part of a chunk.

use nc_core::Result;
use nc_core::entropy::mixing::{
    Adaptive, Bits, Mixer, Rate, Refine, Slot, Slots, history, prefetch, squash, stretch,
};

use crate::Content;
use crate::contexts::{Contexts, HASHED};
use crate::matching::Match;

/// Contexts: order 0 and 1 in tables of their own, then the hashed ones.
const ALL: usize = 2 + HASHED;
/// Inputs: two for each context and each match.
const INPUTS: usize = 2 * ALL + 4;

/// Predicts and learns one part, byte by byte.
#[derive(Debug)]
pub(crate) struct Model {
    contexts: Contexts,
    order0: Box<[u8; 256]>,
    order1: Vec<u8>,
    slots: Slots,
    hashes: [u32; HASHED],
    at: [Slot; HASHED],
    states: [u8; ALL],
    maps: Vec<Adaptive>,
    long: Match,
    short: Match,
    mixer: Mixer,
    refine: [Refine; 3],
}

fn map(_: usize) -> Adaptive {
    Adaptive::starting((0..=255).map(history::prior), 255)
}

fn hash(x: u32, i: u32) -> u32 {
    let h = (x ^ i.wrapping_mul(0x9e37_79b9)).wrapping_mul(0x2c1b_3c6d);
    let h = (h ^ h >> 15).wrapping_mul(0x297a_2d39);
    h ^ h >> 14
}

impl Model {
    /// The logarithm of the slots' bytes for a part of `length` bytes: 64 for each, within 2^16 and `2^memory`.
    pub(crate) fn slots(length: usize, memory: u32) -> u32 {
        // Parts are below 2^32, as their chunks are.
        let wanted = (length as u64 * 64).next_power_of_two().ilog2();
        wanted.min(memory).max(16)
    }

    /// For a part of `length` bytes, with `2^memory` bytes of slots at most.
    pub(crate) fn new(content: Content, length: usize, memory: u32) -> Result<Self> {
        let bits = Self::slots(length, memory);
        let pointers = length.next_power_of_two().ilog2().clamp(10, 22);
        let sets = [32 * 3, 256, 1024];
        let rate = Rate {
            start: 12000,
            floor: 1400,
            slowness: 14,
        };
        Ok(Self {
            contexts: Contexts::new(content),
            order0: Box::new([0; 256]),
            order1: vec![0; 1 << 16],
            slots: Slots::new(bits),
            hashes: [0; HASHED],
            at: [Slot::default(); HASHED],
            states: [0; ALL],
            maps: (0..ALL).map(map).collect(),
            long: Match::new(content.longest(), pointers),
            short: Match::new(content.least(), pointers),
            mixer: Mixer::new(INPUTS, &sets, 256, rate)?,
            refine: [
                Refine::new(1 << 16, 6),
                Refine::new(1 << 12, 6),
                Refine::new(1 << 12, 6),
            ],
        })
    }

    /// Slots of the contexts for the first four decisions of a byte.
    fn look_up(&mut self) {
        for (at, h) in self.at.iter_mut().zip(&self.hashes) {
            *at = self.slots.find(*h);
        }
    }

    /// Slots for the last four; `nibble` is the first four with a 1 before them.
    fn look_up_within(&mut self, nibble: u32) {
        let mut all = self.hashes;
        for h in &mut all {
            let by = (*h ^ nibble.wrapping_mul(0x9e37_79b9)).wrapping_mul(0x2c1b_3c6d) >> 16;
            *h = Slots::within(*h, by);
            self.slots.prefetch(*h);
        }
        for (at, h) in self.at.iter_mut().zip(all) {
            *at = self.slots.find(h);
        }
    }

    /// Codes a byte; `past` is what came before it. Gives the byte.
    pub(crate) fn code<B: Bits>(&mut self, io: &mut B, byte: u8, past: &[u8]) -> Result<u8> {
        let last = past.last().map_or(0, |b| usize::from(*b));
        let first = last << 8;
        let choice = self.contexts.choice();
        let mut so_far = 1u32;
        for bits in 0..8u32 {
            if bits == 0 {
                self.look_up();
                prefetch(&self.order1, first);
            } else if bits == 4 {
                self.look_up_within(so_far);
            }
            let node = if bits < 4 {
                so_far
            } else {
                so_far & ((1 << (bits - 4)) - 1) | 1 << (bits - 4)
            } as usize;
            let c = so_far as usize;
            self.states[0] = self.order0[c];
            self.states[1] = self.order1[first | c];
            for (s, at) in self.states[2..].iter_mut().zip(&self.at) {
                *s = self.slots.node(*at, node);
            }
            let x = self.mixer.inputs();
            for ((x, s), map) in x.chunks_exact_mut(2).zip(&self.states).zip(&self.maps) {
                let p = map.p(usize::from(*s));
                x[0] = stretch(p) as i16;
                x[1] = ((i32::from(p) - 32768) >> 6) as i16;
            }
            self.long.inputs(so_far, bits, &mut x[2 * ALL..]);
            self.short.inputs(so_far, bits, &mut x[2 * ALL + 2..]);
            let class = self.long.class().max(self.short.class());
            // How many of the orders have seen this.
            let known = self.states[2..8].iter().filter(|s| **s > 0).count().min(7);
            let sets = [
                class * 3
                    + usize::from(self.long.class() > 0)
                    + usize::from(self.short.class() > 0),
                c,
                choice << 2 | known >> 1,
            ];
            self.refine[0].prefetch(first | c);
            let answer = self.mixer.mix(&sets, c)?;
            let expected = if self.long.expected() > 0 {
                self.long.expected()
            } else {
                self.short.expected()
            };
            let order2 = hash(self.contexts.order2() ^ so_far << 24, 77) as usize & 0xfff;
            let p1 = self.refine[0].refine(answer, first | c);
            let p2 = self.refine[1].refine(answer, order2);
            let p3 =
                self.refine[2].refine(answer, (hash(expected << 8 | so_far, 55) & 0xfff) as usize);
            let p = (2 * squash(answer) + 2 * p1 + 2 * p2 + 2 * p3 + 4) >> 3;
            let bit = io.bit(byte >> (7 - bits) & 1 == 1, p);
            self.mixer.update(bit)?;
            self.refine.iter_mut().for_each(|r| r.update(bit));
            self.long.update(bit, bits);
            self.short.update(bit, bits);
            for (s, map) in self.states.iter().zip(&mut self.maps) {
                map.update(usize::from(*s), bit);
            }
            self.order0[c] = history::next(self.states[0], bit);
            self.order1[first | c] = history::next(self.states[1], bit);
            for (s, at) in self.states[2..].iter().zip(&self.at) {
                *self.slots.node_mut(*at, node) = history::next(*s, bit);
            }
            so_far = so_far << 1 | u32::from(bit);
        }
        Ok(so_far as u8)
    }

    /// After a byte, with which `past` ends.
    pub(crate) fn step(&mut self, past: &[u8]) {
        self.contexts.step(past);
        for (i, (h, c)) in self
            .hashes
            .iter_mut()
            .zip(self.contexts.hashes())
            .enumerate()
        {
            *h = hash(*c, i as u32);
            self.slots.prefetch(*h);
        }
        self.long.step(past);
        self.short.step(past);
    }
}
