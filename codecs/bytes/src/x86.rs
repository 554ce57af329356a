//! x86-64 machine code: where in an instruction the next byte stands, and jumps told as absolute addresses.

/// What the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    /// An opcode or a prefix; the number of the opcode's table.
    Opcode,
    /// Bytes of a VEX prefix that are left.
    Vex(u8),
    ModRm,
    Sib,
    /// Bytes of a displacement that are left.
    Displacement(u8),
    /// Bytes of an immediate that are left.
    Immediate(u8),
}

/// A walk over instructions, byte by byte. Whatever it reads, it goes on: on data it means nothing, but both sides
/// agree.
#[derive(Debug, Clone)]
pub(crate) struct Walk {
    field: Field,
    /// 0: one byte; 1: 0F; 2: 0F 38; 3: 0F 3A.
    table: u8,
    opcode: u8,
    modrm: u8,
    wide: bool,
    short: bool,
    immediate: u8,
    /// Opcodes with their tables, the latest lowest, 16 bits each: opcode, and what of ModRM tells the form.
    past: u64,
    /// Hash of the bytes of this instruction so far.
    so_far: u32,
}

/// ModRM follows, in the table of one-byte opcodes.
const fn has_modrm(op: u8) -> bool {
    match op {
        0x00..=0x3f => op & 7 < 4,
        0x63 | 0x69 | 0x6b => true,
        0x80..=0x8f | 0xc0 | 0xc1 | 0xc6 | 0xc7 => true,
        0xd0..=0xd3 | 0xd8..=0xdf | 0xf6 | 0xf7 | 0xfe | 0xff => true,
        _ => false,
    }
}

/// The same after 0F.
const fn has_modrm_0f(op: u8) -> bool {
    !matches!(op,
        0x05..=0x09 | 0x0b | 0x30..=0x37 | 0x77 | 0x80..=0x8f | 0xa0..=0xa2 | 0xa8..=0xaa | 0xc8..=0xcf)
}

impl Walk {
    pub(crate) const fn new() -> Self {
        Self {
            field: Field::Opcode,
            table: 0,
            opcode: 0,
            modrm: 0,
            wide: false,
            short: false,
            immediate: 0,
            past: 0,
            so_far: 0,
        }
    }

    /// Bytes of the immediate of the opcode.
    fn immediate_of(&self) -> u8 {
        let z = if self.short { 2 } else { 4 };
        match (self.table, self.opcode) {
            (0, 0x00..=0x3f) => match self.opcode & 7 {
                4 => 1,
                5 => z,
                _ => 0,
            },
            (0, 0x68 | 0x69 | 0x81 | 0xa9 | 0xc7 | 0xe8 | 0xe9) => z,
            (0, 0x6a | 0x6b | 0x70..=0x7f | 0x80 | 0x82 | 0x83 | 0xa8 | 0xb0..=0xb7) => 1,
            (0, 0xc0 | 0xc1 | 0xc6 | 0xcd | 0xe0..=0xe7 | 0xeb) => 1,
            (0, 0xa0..=0xa3) => 8,
            (0, 0xb8..=0xbf) => {
                if self.wide {
                    8
                } else {
                    z
                }
            }
            (0, 0xc2 | 0xca) => 2,
            (0, 0xc8) => 3,
            (1, 0x80..=0x8f) => z,
            (1, 0x70..=0x73 | 0xa4 | 0xac | 0xba | 0xc2 | 0xc4..=0xc6) => 1,
            (3, _) => 1,
            _ => 0,
        }
    }

    /// The walk after `byte`.
    pub(crate) fn step(&mut self, byte: u8) {
        self.so_far = (self.so_far ^ u32::from(byte))
            .wrapping_mul(0x2f0b_4c47)
            .rotate_left(9);
        match self.field {
            Field::Opcode => self.opcode(byte),
            Field::Vex(left) => {
                if left == 2 {
                    self.table = byte & 3;
                }
                self.field = if left > 1 {
                    Field::Vex(left - 1)
                } else {
                    Field::Opcode
                };
            }
            Field::ModRm => {
                self.modrm = byte;
                if self.table == 0 && self.opcode & 0xfe == 0xf6 && byte & 0x38 < 0x10 {
                    self.immediate = match (self.opcode, self.short) {
                        (0xf6, _) => 1,
                        (_, true) => 2,
                        _ => 4,
                    };
                }
                if byte < 0xc0 && byte & 7 == 4 {
                    self.field = Field::Sib;
                } else {
                    self.memory(byte & 7 == 5);
                }
            }
            Field::Sib => self.memory(byte & 7 == 5),
            Field::Displacement(left) if left > 1 => self.field = Field::Displacement(left - 1),
            Field::Displacement(_) => self.constant(),
            Field::Immediate(left) if left > 1 => self.field = Field::Immediate(left - 1),
            Field::Immediate(_) => self.end(),
        }
    }

    fn opcode(&mut self, byte: u8) {
        if self.table == 0 {
            match byte {
                0x0f => {
                    self.table = 1;
                    return;
                }
                0x40..=0x4f => {
                    self.wide = byte & 8 > 0;
                    return;
                }
                0x66 => {
                    self.short = true;
                    return;
                }
                0x26 | 0x2e | 0x36 | 0x3e | 0x64 | 0x65 | 0x67 | 0xf0 | 0xf2 | 0xf3 => return,
                0xc4 => {
                    self.field = Field::Vex(2);
                    return;
                }
                0xc5 => {
                    self.table = 1;
                    self.field = Field::Vex(1);
                    return;
                }
                _ => {}
            }
        } else if self.table == 1 && (byte == 0x38 || byte == 0x3a) {
            self.table = if byte == 0x38 { 2 } else { 3 };
            return;
        }
        self.opcode = byte;
        self.modrm = 0;
        self.immediate = self.immediate_of();
        let modrm = match self.table {
            0 => has_modrm(byte),
            1 => has_modrm_0f(byte),
            _ => true,
        };
        if modrm {
            self.field = Field::ModRm;
        } else {
            self.constant();
        }
    }

    /// After ModRM and SIB; `five` where the base is that which without a displacement of its own has one of 32 bits.
    fn memory(&mut self, five: bool) {
        self.field = match self.modrm >> 6 {
            0 if five => Field::Displacement(4),
            1 => Field::Displacement(1),
            2 => Field::Displacement(4),
            _ => return self.constant(),
        };
    }

    fn constant(&mut self) {
        if self.immediate > 0 {
            self.field = Field::Immediate(self.immediate);
        } else {
            self.end();
        }
    }

    fn end(&mut self) {
        let form = u64::from(self.modrm >> 3 & 0x18 | self.modrm & 7) << 2 | u64::from(self.table);
        self.past = self.past << 16 | u64::from(self.opcode) << 8 | form;
        self.field = Field::Opcode;
        (self.table, self.wide, self.short) = (0, false, false);
        self.so_far = 0;
    }

    /// Which field the next byte is in, below 32.
    pub(crate) fn place(&self) -> usize {
        match self.field {
            Field::Opcode => usize::from(self.table) + if self.so_far == 0 { 0 } else { 4 },
            Field::Vex(left) => 8 + usize::from(left & 1),
            Field::ModRm => 10 + usize::from(self.table == 0),
            Field::Sib => 12,
            Field::Displacement(left) => 13 + usize::from(left & 7),
            Field::Immediate(left) => 18 + usize::from(left & 15),
        }
    }

    /// Bytes of this instruction so far, hashed.
    pub(crate) fn so_far(&self) -> u32 {
        self.so_far
    }

    /// The opcode and form of this instruction, where known.
    pub(crate) fn this(&self) -> u32 {
        match self.field {
            Field::Opcode | Field::Vex(_) => 0,
            _ => {
                u32::from(self.opcode) << 8
                    | u32::from(self.modrm)
                    | u32::from(self.table) << 16
                    | 1 << 20
            }
        }
    }

    /// The latest instructions' opcodes and forms, 16 bits each.
    pub(crate) fn past(&self) -> u64 {
        self.past
    }
}

/// Where a call or jump with a displacement of 24 bits begins.
fn is_jump(code: &[u8; 5]) -> bool {
    code[0] & 0xfe == 0xe8 && (code[4] == 0 || code[4] == 0xff)
}

fn add(code: &mut [u8], at: usize, sign: u32) {
    let Some(code) = code.get_mut(at..).and_then(|c| c.first_chunk_mut::<5>()) else {
        return;
    };
    if is_jump(code) {
        let old = u32::from_le_bytes([code[1], code[2], code[3], 0]);
        let new = old.wrapping_add(sign.wrapping_mul(at as u32)).to_le_bytes();
        code[1..4].copy_from_slice(&new[..3]);
    }
}

/// Displacements of calls and jumps (E8 and E9, with a highest byte of 00 or FF) become addresses: their lower 24 bits plus their position,
/// from the last to the first.
pub(crate) fn to_absolute(code: &mut [u8]) {
    (0..code.len()).rev().for_each(|at| add(code, at, 1));
}

/// The inverse of [`to_absolute`], from the first to the last.
pub(crate) fn to_relative(code: &mut [u8]) {
    (0..code.len()).for_each(|at| add(code, at, u32::MAX));
}
