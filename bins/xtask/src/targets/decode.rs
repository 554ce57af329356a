//! Files from anywhere: refused, or decoded to the same by every reader, level and number of threads.

use std::io::{Cursor, Read};
use std::sync::LazyLock;

use nc_core::salvage::{Salvage, Stretch};
use nc_core::{
    Archive, Budget, Control, Decoder, Error, Format, Goal, Header, Opener, Result, SignalBuf,
    Threads,
};

use crate::BUDGET;
use crate::opener::LEVELS;

/// Gives a few bytes at a time, as a pipe does.
struct Drip<'a>(&'a [u8], usize);

impl Read for Drip<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        self.1 = self.1 % 7 + 1;
        let n = self.1.min(buf.len());
        self.0.read(&mut buf[..n])
    }
}

/// Any bytes.
pub fn container(data: &[u8]) {
    let whole = nc_core::decode(&LEVELS[0], data, Budget::new(BUDGET)).ok();
    readers(data, whole.as_ref().map(bits));
}

/// A file that says it is of codec `id`.
pub fn file(data: &[u8], id: u8) {
    let mut data = data.to_vec();
    if let Some(codec) = data.get_mut(11) {
        *codec = id;
    }
    let whole = nc_core::decode(&LEVELS[0], &data, Budget::new(BUDGET)).ok();
    let whole = whole.as_ref().map(bits);
    let again = nc_core::decode(&LEVELS[1], &data, Budget::new(BUDGET)).ok();
    assert!(again.as_ref().map(bits) == whole, "levels differ");
    readers(&data, whole);
}

/// All ways to read a file, of which `whole` is what comes of decoding it at once.
fn readers(data: &[u8], whole: Option<Vec<u8>>) {
    let opener = &LEVELS[0];
    let dripped = drip(data, opener);
    if let Some(whole) = &whole {
        // What fits memory at once fits it in pieces; not the other way round.
        let dripped = dripped.as_ref().ok();
        assert!(dripped == Some(whole), "a pipe gives something else");
    }
    let salvaged = salvage(data, opener);
    if let (Some(whole), Some((said, found))) = (&whole, &salvaged) {
        assert!(*said, "a whole file is called damaged");
        assert!(found == whole, "salvage gives something else");
    }
    if let Some((true, found)) = &salvaged {
        assert!(
            dripped.as_ref().ok() == Some(found),
            "damage is called whole: {:?}",
            dripped.err()
        );
    }
    let Ok(mut archive) = Archive::open(Cursor::new(data), Budget::new(BUDGET)) else {
        assert!(whole.is_none(), "an archive refuses a whole file");
        return;
    };
    let units = archive.units();
    let _ = archive.payload();
    let _ = archive.meta();
    let (from, to) = (units / 3, (units / 3).saturating_add(units / 2).min(units));
    let part = range(&mut archive, opener, from, to);
    if let Some(whole) = &whole
        && let Ok(all) = range(&mut archive, opener, 0, units)
    {
        assert!(&all == whole, "the range of all is something else");
        let again = range(&mut archive, opener, from, to);
        assert_eq!(part.is_ok(), again.is_ok());
        slice(archive.header(), &all, (units, from, to), part.ok());
    }
    let _ = archive.trim(
        Vec::new(),
        opener,
        Goal::Bytes(data.len() as u64 / 2),
        &mut ctl(1),
    );
}

/// That a part is a slice of the whole, where samples lie unit after unit.
fn slice(header: &Header, all: &[u8], (units, from, to): (u64, u64, u64), part: Option<Vec<u8>>) {
    if matches!(header.format, Format::Records(..)) {
        // Texts are of any length; codecs/circuit/tests compare parts of records.
        return;
    }
    let size = (all.len() as u64).checked_div(units).unwrap_or(0);
    let (from, to) = ((from * size) as usize, (to * size) as usize);
    assert!(
        part.as_deref() == all.get(from..to),
        "a part is no slice of the whole"
    );
}

/// Pools of one thread and of two, started once.
static POOLS: LazyLock<[Threads; 2]> = LazyLock::new(|| [1, 2].map(Threads::new));

fn ctl(threads: usize) -> Control<'static> {
    Control {
        threads: POOLS[threads - 1].clone(),
        ..Control::default()
    }
}

fn drip(data: &[u8], opener: &dyn Opener) -> Result<Vec<u8>> {
    let mut d = Decoder::new(Drip(data, 0), opener, Budget::new(BUDGET))?;
    let mut out = Vec::new();
    let mut ctl = ctl(2);
    while let Some(piece) = d.next(&mut ctl)? {
        out.extend(bits(&piece));
    }
    Ok(out)
}

/// A signal unit after unit, so that pieces one after the other are the whole: of sound all channels of a sample, of
/// records a row's texts behind its values.
#[must_use]
pub fn bits(piece: &SignalBuf) -> Vec<u8> {
    match piece {
        SignalBuf::Audio(a) => {
            let samples = a.samples.columns().into_iter();
            samples
                .flat_map(|c| c.to_vec())
                .flat_map(f32::to_le_bytes)
                .collect()
        }
        SignalBuf::Records(r) => {
            let mut texts = r.texts.iter().peekable();
            let mut out = Vec::new();
            for (row, values) in r.values.rows().into_iter().enumerate() {
                out.extend(values.iter().flat_map(|v| v.to_le_bytes()));
                while let Some(text) = texts.next_if(|t| t.row == row) {
                    out.extend(&text.bytes);
                    out.push(0);
                }
            }
            assert!(texts.next().is_none(), "a text without a row");
            out
        }
        piece => piece.to_le_bytes(),
    }
}

fn range(
    archive: &mut Archive<Cursor<&[u8]>>,
    opener: &dyn Opener,
    from: u64,
    to: u64,
) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    archive.decode_range(from..to, opener, &mut ctl(1), &mut |piece| {
        out.extend(bits(&piece));
        // A signal longer than memory is nothing to compare.
        match out.len() as u64 > 8 * BUDGET {
            true => Err(Error::Limit("long".into())),
            false => Ok(()),
        }
    })?;
    Ok(out)
}

fn salvage(data: &[u8], opener: &dyn Opener) -> Option<(bool, Vec<u8>)> {
    let mut s = Salvage::open(Cursor::new(data), Budget::new(BUDGET)).ok()?;
    let mut out = Vec::new();
    let whole = s.decode(opener, &mut ctl(1), &mut |stretch| {
        if let Stretch::Sound(piece) = stretch {
            out.extend(bits(&piece));
        }
        Ok(())
    });
    Some((whole.ok()?, out))
}
