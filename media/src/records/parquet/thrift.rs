//! Walks what a Parquet file says of itself before the parquet crate reads it.
//!
//! That crate makes room for as many elements as a list claims, which a few bytes can put at thousands of millions, and
//! reads the fields that it knows by their number whatever type they say to be of. So the footer and the heads of pages
//! are walked here by the same rules: every known field is of its type, no list is longer than the bytes that follow,
//! and what its elements take is charged. (Thrift's compact protocol, and `parquet.thrift` of the Parquet format.)

use nc_core::{Budget, Result};

use super::{damaged, usage};

/// What a field is to be.
pub enum Type {
    Bool,
    I8,
    I16,
    I32,
    I64,
    Double,
    Binary,
    List(&'static Type),
    Struct(&'static [(i64, Type)]),
    /// A number of 32 bits: the elements of a schema below this one.
    Children,
}

use Type::{Binary, Bool, Children, Double, I8, I16, I32, I64, List, Struct};

const EMPTY: &[(i64, Type)] = &[];
const UNIT: &[(i64, Type)] = &[(1, Struct(EMPTY)), (2, Struct(EMPTY)), (3, Struct(EMPTY))];
const TIME: &[(i64, Type)] = &[(1, Bool), (2, Struct(UNIT))];
const LOGICAL: &[(i64, Type)] = &[
    (1, Struct(EMPTY)),
    (2, Struct(EMPTY)),
    (3, Struct(EMPTY)),
    (4, Struct(EMPTY)),
    (5, Struct(&[(1, I32), (2, I32)])),
    (6, Struct(EMPTY)),
    (7, Struct(TIME)),
    (8, Struct(TIME)),
    (10, Struct(&[(1, I8), (2, Bool)])),
    (11, Struct(EMPTY)),
    (12, Struct(EMPTY)),
    (13, Struct(EMPTY)),
    (14, Struct(EMPTY)),
    (15, Struct(EMPTY)),
    (16, Struct(&[(1, I8)])),
    (17, Struct(&[(1, Binary)])),
    (18, Struct(&[(1, Binary), (2, I32)])),
];
const ELEMENT: &[(i64, Type)] = &[
    (1, I32),
    (2, I32),
    (3, I32),
    (4, Binary),
    (5, Children),
    (6, I32),
    (7, I32),
    (8, I32),
    (9, I32),
    (10, Struct(LOGICAL)),
];
const STATISTICS: &[(i64, Type)] = &[
    (1, Binary),
    (2, Binary),
    (3, I64),
    (4, I64),
    (5, Binary),
    (6, Binary),
    (7, Bool),
    (8, Bool),
];
const PAIR: &[(i64, Type)] = &[(1, Binary), (2, Binary)];
const SIZES: &[(i64, Type)] = &[(1, I64), (2, List(&I64)), (3, List(&I64))];
const BOX: &[(i64, Type)] = &[
    (1, Double),
    (2, Double),
    (3, Double),
    (4, Double),
    (5, Double),
    (6, Double),
    (7, Double),
    (8, Double),
];
const COLUMN: &[(i64, Type)] = &[
    (1, I32),
    (2, List(&I32)),
    (3, List(&Binary)),
    (4, I32),
    (5, I64),
    (6, I64),
    (7, I64),
    (8, List(&Struct(PAIR))),
    (9, I64),
    (10, I64),
    (11, I64),
    (12, Struct(STATISTICS)),
    (13, List(&Struct(&[(1, I32), (2, I32), (3, I32)]))),
    (14, I64),
    (15, I32),
    (16, Struct(SIZES)),
    (17, Struct(&[(1, Struct(BOX)), (2, List(&I32))])),
];
const CHUNK: &[(i64, Type)] = &[
    (1, Binary),
    (2, I64),
    (3, Struct(COLUMN)),
    (4, I64),
    (5, I32),
    (6, I64),
    (7, I32),
];
const GROUP: &[(i64, Type)] = &[
    (1, List(&Struct(CHUNK))),
    (2, I64),
    (3, I64),
    (4, List(&Struct(&[(1, I32), (2, Bool), (3, Bool)]))),
    (5, I64),
    (6, I64),
    (7, I16),
];
/// The footer.
pub const FOOTER: &[(i64, Type)] = &[
    (1, I32),
    (2, List(&Struct(ELEMENT))),
    (3, I64),
    (4, List(&Struct(GROUP))),
    (5, List(&Struct(PAIR))),
    (6, Binary),
    (7, List(&Struct(&[(1, Struct(EMPTY))]))),
];
/// The head of a page.
pub const PAGE: &[(i64, Type)] = &[
    (1, I32),
    (2, I32),
    (3, I32),
    (4, I32),
    (
        5,
        Struct(&[
            (1, I32),
            (2, I32),
            (3, I32),
            (4, I32),
            (5, Struct(STATISTICS)),
        ]),
    ),
    (6, Struct(EMPTY)),
    (7, Struct(&[(1, I32), (2, I32), (3, Bool)])),
    (
        8,
        Struct(&[
            (1, I32),
            (2, I32),
            (3, I32),
            (4, I32),
            (5, I32),
            (6, I32),
            (7, Bool),
            (8, Struct(STATISTICS)),
        ]),
    ),
];
/// Depth of structs and lists in each other.
const DEPTH: u32 = 24;
/// Bytes that an element of a list takes, at most: a struct, and another.
const BIG: u64 = 1024;
const SMALL: u64 = 64;

/// Bytes that are walked.
pub struct Walk<'a, 'b> {
    rest: &'a [u8],
    budget: &'b mut Budget,
    /// Groups of the schema.
    groups: u32,
}

/// Most groups of a schema: one may be in another, and what makes a tree of them goes as deep.
const GROUPS: u32 = 1000;

impl<'a, 'b> Walk<'a, 'b> {
    /// From the start of these; lists are charged to `budget`.
    pub fn new(bytes: &'a [u8], budget: &'b mut Budget) -> Self {
        Self {
            rest: bytes,
            budget,
            groups: 0,
        }
    }

    /// Bytes that are left.
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// Reads over a struct; `number` is given the path of every whole number of 32 bits in structs of it, and its
    /// value.
    ///
    /// # Errors
    /// Usage for what is no such struct, Limit.
    pub fn fields(
        &mut self,
        known: &[(i64, Type)],
        number: &mut dyn FnMut([i64; 2], i64),
    ) -> Result<()> {
        self.structure(known, 0, DEPTH, number)
    }

    fn take(&mut self, n: u64) -> Result<&'a [u8]> {
        let split = usize::try_from(n).ok();
        let split = split.and_then(|n| self.rest.split_at_checked(n));
        let (taken, rest) =
            split.ok_or_else(|| damaged("it ends within what it says of itself"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?.first().copied().unwrap_or(0))
    }

    fn varint(&mut self) -> Result<u64> {
        let mut x = 0u64;
        for shift in (0..64).step_by(7) {
            let b = self.byte()?;
            x |= u64::from(b & 0x7f) << shift;
            if b < 0x80 {
                return Ok(x);
            }
        }
        Err(damaged("a number without an end"))
    }

    /// A number with its sign in its last bit.
    fn signed(&mut self) -> Result<i64> {
        let x = self.varint()?;
        Ok((x >> 1) as i64 ^ (x & 1).wrapping_neg() as i64)
    }

    fn structure(
        &mut self,
        known: &[(i64, Type)],
        parent: i64,
        depth: u32,
        number: &mut dyn FnMut([i64; 2], i64),
    ) -> Result<()> {
        let depth = deeper(depth)?;
        let mut id = 0i64;
        loop {
            let head = self.byte()?;
            let kind = head & 15;
            if kind == 0 {
                return Ok(());
            }
            id = match head >> 4 {
                0 => self.signed()?,
                more => id.saturating_add(more.into()),
            };
            if i16::try_from(id).is_err() {
                return Err(damaged("a field beyond all numbers"));
            }
            let wanted = known.iter().find(|(n, _)| *n == id).map(|(_, t)| t);
            check(kind, wanted)?;
            match (kind, wanted) {
                // The value of a flag is its type.
                (1 | 2, _) => {}
                (5, _) => {
                    let x = self.signed()?;
                    if matches!(wanted, Some(Children)) && x != 0 {
                        self.groups += 1;
                        if self.groups > GROUPS {
                            return Err(usage("more than 1000 nested columns"));
                        }
                        // They follow, and room is made for them.
                        let n = u64::try_from(x).unwrap_or(u64::MAX);
                        if n > self.rest.len() as u64 {
                            return Err(damaged("a schema that is longer than the file"));
                        }
                        self.budget.charge(n.saturating_mul(SMALL))?;
                    }
                    number([parent, id], x);
                }
                (12, Some(Struct(fields))) => self.structure(fields, id, depth, number)?,
                _ => self.value(kind, wanted, depth)?,
            }
        }
    }

    fn value(&mut self, kind: u8, wanted: Option<&Type>, depth: u32) -> Result<()> {
        match kind {
            1..=3 => {
                self.byte()?;
            }
            4..=6 => {
                self.varint()?;
            }
            7 => {
                self.take(8)?;
            }
            8 => {
                let n = self.varint()?;
                self.take(n)?;
            }
            9 | 10 => {
                let element = match wanted {
                    Some(List(element)) => Some(*element),
                    _ => None,
                };
                self.list(element, depth)?;
            }
            12 => {
                let fields = match wanted {
                    Some(Struct(fields)) => fields,
                    _ => EMPTY,
                };
                self.structure(fields, 0, depth, &mut |_, _| {})?;
            }
            _ => return Err(damaged("a field of an unknown type")),
        }
        Ok(())
    }

    fn list(&mut self, wanted: Option<&Type>, depth: u32) -> Result<()> {
        let depth = deeper(depth)?;
        let head = self.byte()?;
        let kind = head & 15;
        let n = match head >> 4 {
            15 => self.varint()?,
            n => n.into(),
        };
        if n == 0 {
            return Ok(());
        }
        check(kind, wanted)?;
        // An element takes a byte at least.
        if n > self.rest.len() as u64 {
            return Err(damaged("a list that is longer than the file"));
        }
        let each = if kind == 12 { BIG } else { SMALL };
        self.budget.charge(n.saturating_mul(each))?;
        for _ in 0..n {
            self.value(kind, wanted, depth)?;
        }
        Ok(())
    }
}

fn deeper(depth: u32) -> Result<u32> {
    depth
        .checked_sub(1)
        .ok_or_else(|| damaged("too many levels of what it says of itself"))
}

/// Whether a type's code is the one that is wanted.
fn check(kind: u8, wanted: Option<&Type>) -> Result<()> {
    let right = match wanted {
        None => true,
        Some(Bool) => matches!(kind, 1 | 2),
        Some(I8) => kind == 3,
        Some(I16) => kind == 4,
        Some(I32 | Children) => kind == 5,
        Some(I64) => kind == 6,
        Some(Double) => kind == 7,
        Some(Binary) => kind == 8,
        Some(List(_)) => kind == 9,
        Some(Struct(_)) => kind == 12,
    };
    if right {
        Ok(())
    } else {
        Err(damaged("a field of another type than it has"))
    }
}

/// Walks a file's footer. What it takes in memory is charged to `budget`.
///
/// # Errors
/// Format for what is no footer, Usage for a schema of very many groups, Limit.
pub fn footer(file: &[u8], budget: &mut Budget) -> Result<()> {
    if !file.starts_with(b"PAR1") {
        return Err(usage("not a Parquet file"));
    }
    let end = file.split_last_chunk::<8>();
    let (before, [a, b, c, d, magic @ ..]) = end.ok_or_else(|| damaged("too short a file"))?;
    if magic != b"PAR1" {
        return Err(damaged("no footer at the end of the file"));
    }
    let n = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
    let start = before.len().checked_sub(n);
    let footer = start.and_then(|at| before.get(at..));
    let footer = footer.ok_or_else(|| damaged("a footer that is longer than the file"))?;
    // Names, keys and statistics, and once more what is made of them.
    budget.charge((n as u64).saturating_mul(2))?;
    let mut walk = Walk::new(footer, budget);
    walk.fields(FOOTER, &mut |_, _| {})?;
    Ok(())
}
