//! The contexts of the next byte, by content.

use crate::Content;
use crate::x86::Walk;

/// Hashed contexts.
pub(crate) const HASHED: usize = 12;

/// What is known of the bytes before.
#[derive(Debug, Clone)]
pub(crate) struct Contexts {
    content: Content,
    hashes: [u32; HASHED],
    choice: usize,
    /// The last eight bytes, the latest lowest.
    last: u64,
    word: u32,
    words: [u32; 2],
    /// Where this line and the one before began.
    line: usize,
    before: usize,
    /// Hash of the line's first bytes, of the latest key or tag, and of its parents by depth.
    key: u32,
    depth: usize,
    keys: [u32; 32],
    quoted: bool,
    /// Distance of records, and how it is found.
    record: usize,
    votes: usize,
    seen: Box<[u32; 256]>,
    walk: Walk,
}

fn mix(a: u32, b: u32) -> u32 {
    let h = (a ^ b.wrapping_mul(0x85eb_ca6b)).wrapping_mul(0x9e37_79b1);
    h ^ h >> 15
}

impl Contexts {
    pub(crate) fn new(content: Content) -> Self {
        Self {
            content,
            hashes: [0; HASHED],
            choice: 0,
            last: 0,
            word: 0,
            words: [0; 2],
            line: 0,
            before: 0,
            key: 0,
            depth: 0,
            keys: [0; 32],
            quoted: false,
            record: 4,
            votes: 0,
            seen: Box::new([0; 256]),
            walk: Walk::new(),
        }
    }

    pub(crate) fn hashes(&self) -> &[u32; HASHED] {
        &self.hashes
    }

    /// A choice of weights, below 256.
    pub(crate) fn choice(&self) -> usize {
        self.choice
    }

    pub(crate) fn order2(&self) -> u32 {
        self.last as u32 & 0xffff
    }

    /// After a byte, with which `past` ends.
    pub(crate) fn step(&mut self, past: &[u8]) {
        let Some(byte) = past.last().copied() else {
            return;
        };
        self.last = self.last << 8 | u64::from(byte);
        let c4 = self.last as u32;
        let order = |n: u32| {
            let low = self.last & (u64::MAX >> (64 - 8 * n));
            mix(mix(low as u32, (low >> 32) as u32), n)
        };
        self.hashes[0] = c4 & 0xffff | 0x2_0000;
        self.hashes[1] = c4 & 0xff_ffff | 0x300_0000;
        self.hashes[2] = order(4);
        self.hashes[3] = order(6);
        match self.content {
            Content::Text => {
                self.hashes[4] = order(5);
                self.text(byte, past);
            }
            Content::Code => self.code(byte, past),
            Content::Other => self.other(byte, past),
        }
    }

    fn words(&mut self, byte: u8) {
        if byte.is_ascii_alphanumeric() || byte >= 128 || byte == b'_' {
            let low = byte.to_ascii_lowercase();
            self.word = mix(self.word, u32::from(low) + 1);
        } else if self.word != 0 {
            self.words = [self.word, self.words[0]];
            self.word = 0;
        }
    }

    /// Lines, words, keys and depth.
    fn text(&mut self, byte: u8, past: &[u8]) {
        self.words(byte);
        let n = past.len();
        match byte {
            b'\n' => {
                (self.before, self.line) = (self.line, n);
            }
            b'"' => self.quoted = !self.quoted,
            b'{' | b'[' | b'<' | b'(' => {
                self.depth = (self.depth + 1) & 31;
                self.keys[self.depth] = self.words[0];
            }
            b'}' | b']' | b')' => self.depth = self.depth.wrapping_sub(1) & 31,
            b'/' if self.last >> 8 & 255 == u64::from(b'<') => {
                self.depth = self.depth.wrapping_sub(2) & 31
            }
            b'>' if self.last >> 8 & 255 == u64::from(b'/') => {
                self.depth = self.depth.wrapping_sub(1) & 31
            }
            b':' | b'=' => self.key = self.words[0],
            _ => {}
        }
        let c4 = self.last as u32;
        let column = n - self.line;
        // The byte above, and the ones beside it.
        let above = past
            .get(self.before + column)
            .filter(|_| self.before + column < self.line);
        let above = above.map_or(0, |b| u32::from(*b) + 1);
        let first = past.get(self.line).map_or(0, |b| u32::from(*b));
        let [w1, w2] = self.words;
        let h = &mut self.hashes;
        h[5] = mix(self.word, c4 & 0xff).wrapping_add(6);
        h[6] = mix(mix(self.word, w1), 7);
        h[7] = mix(mix(mix(self.word, w1), w2), 8);
        h[8] = mix(mix(self.word, self.key), 10 + (c4 & 0xff) * 256);
        h[9] = mix(mix(above | (c4 & 0xff) << 9, 11), column.min(255) as u32);
        h[10] = mix(mix(above | (c4 & 0xffff) << 9, 12), first);
        h[11] = mix(
            mix(self.keys[self.depth], self.depth as u32),
            14 + (c4 & 0xffff) * 256,
        );
        let kind = |b: u8| match b {
            b'0'..=b'9' => 0,
            b'a'..=b'z' => 1,
            b'A'..=b'Z' => 2,
            b' ' => 3,
            b'\n' => 4,
            b'"' | b'\'' => 5,
            128.. => 6,
            _ => 7,
        };
        self.choice = kind(byte) << 5
            | kind((c4 >> 8) as u8) << 2
            | usize::from(self.quoted) << 1
            | usize::from(above > 0);
    }

    fn code(&mut self, byte: u8, past: &[u8]) {
        let n = past.len();
        let up = |d: usize| n.checked_sub(d).map_or(0, |i| u32::from(past[i]));
        self.walk.step(byte);
        let c4 = self.last as u32;
        let (w, place) = (&self.walk, self.walk.place() as u32);
        let (so_far, this, old) = (w.so_far(), w.this(), w.past());
        let h = &mut self.hashes;
        h[4] = mix(so_far, place | 6 << 8);
        h[5] = mix(mix(so_far, old as u32 & 0xffff), 7);
        h[6] = mix(mix(so_far, old as u32), 8);
        h[7] = mix(mix(mix(so_far, old as u32), (old >> 32) as u32), 9);
        h[8] = mix(
            mix(this, place | (c4 & 0xff) << 8),
            11 + (old as u32 & 0xffff) * 16,
        );
        h[9] = mix(up(4) | up(8) << 8 | (n as u32 & 3) << 16, 14);
        h[10] = mix(mix(c4 & 0x00ff_ff00, 13), place);
        h[11] = mix(
            mix(old as u32 & 0xff00_ff00, (old >> 32) as u32 & 0xff00_ff00),
            place | 15 << 8,
        );
        self.choice = place as usize
            | (if this > 0 {
                0
            } else {
                ((old >> 14) & 3) as usize
            }) << 5;
    }

    fn other(&mut self, byte: u8, past: &[u8]) {
        let n = past.len();
        // A byte that comes again at the same distance votes for it.
        let distance = n - self.seen[usize::from(byte)] as usize;
        self.seen[usize::from(byte)] = n as u32;
        if distance > 1 && distance < 4096 && distance == self.votes >> 16 {
            self.votes += 1;
            if self.votes & 0xffff > 12 && distance != self.record {
                self.record = distance;
            }
        } else {
            self.votes = distance.min(65535) << 16;
        }
        self.words(byte);
        let c4 = self.last as u32;
        let r = self.record;
        let up = |d: usize| n.checked_sub(d).map_or(0, |i| u32::from(past[i]));
        let (a, b, column) = (up(r), up(2 * r), (n % r) as u32);
        let h = &mut self.hashes;
        h[4] = mix(self.word, c4 & 0xff | 6 << 8);
        h[5] = mix(mix(a | b << 8, 7), column);
        h[6] = mix(mix(a | (c4 & 0xff) << 8, 8), column);
        h[7] = mix(a | (c4 & 0xffff) << 8, 9);
        h[8] = mix(c4 & 0xff00, 10);
        h[9] = mix(c4 & 0xff_0000, 11);
        h[10] = mix(c4 & 0xffff_ff00, 12);
        h[11] = mix(up(4) | up(8) << 8 | (n as u32 & 3) << 16, 14);
        self.choice = column as usize & 255;
    }
}
