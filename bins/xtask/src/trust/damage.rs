//! Every cut and every changed byte of small files of each codec.

use std::io::Cursor;

use anyhow::{Context, Result};
use nc_core::salvage::{Salvage, Stretch};
use nc_core::{Archive, Budget, Control, Header, SignalBuf};
use xtask::corpus;
use xtask::opener::{REGISTRY, of_bytes};

use super::process::{command, complete};
use super::{Outcome, Setting};

/// Files of up to this many bytes are tried with every byte changed.
const SMALL: usize = 2500;

pub fn run(setting: &Setting) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let opener = &*REGISTRY;
    // Quick: the lowest bit, the highest, and all. Full: each bit, all, and two patterns.
    let flips: &[u8] = match setting.of(0, 1) {
        0 => &[1, 0x80, 0xff],
        _ => &[1, 2, 4, 8, 16, 32, 64, 128, 0xff, 0x55, 0xaa],
    };
    for path in corpus::files(&corpus::folder("golden"))? {
        let name = corpus::name(&path);
        let file = std::fs::read(&path)?;
        if !name.ends_with(".nc") || file.len() > SMALL {
            continue;
        }
        let right = nc_core::decode(opener, &file, Budget::default())?;
        let mut check = |damaged: &[u8], what: &str| {
            let y = nc_core::decode(opener, damaged, Budget::default());
            let holds = y.is_err() || y.is_ok_and(|y| y == right);
            outcome.expect(holds, || {
                format!("{name}, {what}: wrong output said to be right")
            });
            let y = by_archive(damaged, opener);
            let holds = y.is_none_or(|y| y == right.to_le_bytes());
            outcome.expect(holds, || format!("{name}, {what}: a range is wrong"));
            let holds = by_salvage(damaged, opener, &right);
            outcome.expect(holds, || format!("{name}, {what}: salvage is wrong"));
        };
        for n in 0..file.len() {
            check(&file[..n], &format!("cut to {n} bytes"));
        }
        for at in 0..file.len() {
            for flip in flips {
                let mut damaged = file.clone();
                damaged[at] ^= flip;
                check(&damaged, &format!("byte {at} ^ {flip:#04x}"));
            }
        }
    }
    recover(setting, &mut outcome)?;
    Ok(outcome)
}

fn by_archive(file: &[u8], opener: &dyn nc_core::Opener) -> Option<Vec<u8>> {
    let mut archive = Archive::open(Cursor::new(file), Budget::default()).ok()?;
    let mut pieces = Vec::new();
    let mut ctl = Control::default();
    let units = archive.units();
    let sink = &mut |piece: SignalBuf| {
        pieces.push(piece);
        Ok(())
    };
    archive
        .decode_range(0..units, opener, &mut ctl, sink)
        .ok()?;
    // Small files are one piece, or pieces whose bytes follow each other.
    Some(pieces.iter().flat_map(SignalBuf::to_le_bytes).collect())
}

/// That what salvage calls whole is the original, and that what it calls sound is in it.
fn by_salvage(file: &[u8], opener: &dyn nc_core::Opener, right: &SignalBuf) -> bool {
    let Ok(mut salvage) = Salvage::open(Cursor::new(file), Budget::default()) else {
        // Damage behind the header is what it is for.
        return Header::from_bytes(file).is_err();
    };
    let right = right.to_le_bytes();
    let (mut all, mut sound) = (Vec::new(), true);
    let whole = salvage.decode(opener, &mut Control::default(), &mut |stretch| {
        if let Stretch::Sound(y) = stretch {
            let bytes = y.to_le_bytes();
            sound &= bytes.is_empty() || right.windows(bytes.len()).any(|w| w == bytes);
            all.extend(bytes);
        }
        Ok(())
    });
    sound && !matches!(whole, Ok(true) if all != right)
}

/// The command line on a file with several chunks of which one is damaged.
fn recover(setting: &Setting, outcome: &mut Outcome) -> Result<()> {
    let (nc, work) = (setting.program("nc"), &setting.work);
    let (raw, file, out) = (work.join("in"), work.join("in.nc"), work.join("out"));
    let bytes: Vec<u8> = (0..5u32 << 20).map(|i| (i ^ (i >> 9)) as u8).collect();
    std::fs::write(&raw, &bytes)?;
    let paths = |args: &[&str], a: &std::path::Path, b: &std::path::Path| {
        let mut all: Vec<std::ffi::OsString> = args.iter().map(Into::into).collect();
        all.extend([a.into(), b.into()]);
        all
    };
    let encoded = complete(
        &mut command(&nc, paths(&["encode", "--codec", of_bytes()?], &raw, &file)),
        work,
    )?;
    anyhow::ensure!(encoded.code == Some(0), "{}", encoded.said);
    let archive = Archive::open(std::fs::File::open(&file)?, Budget::default())?;
    let entry = *archive
        .entries()
        .get(2)
        .context("a file of several chunks")?;
    let mut damaged = std::fs::read(&file)?;
    damaged[entry.offset as usize + 1000] ^= 4;
    std::fs::write(&file, damaged)?;
    let refused = complete(&mut command(&nc, paths(&["decode"], &file, &out)), work)?;
    outcome.expect(refused.code == Some(3) && !out.exists(), || {
        format!(
            "decode of a damaged file: {:?} {}",
            refused.code, refused.said
        )
    });
    let recovered = complete(
        &mut command(&nc, paths(&["decode", "--recover"], &file, &out)),
        work,
    )?;
    let (from, to) = (entry.first as usize, (entry.first + entry.units) as usize);
    let left = [&bytes[..from], &bytes[to..]].concat();
    outcome.expect(recovered.code == Some(3), || {
        format!("recover: {:?}", recovered.code)
    });
    let told = recovered.said.contains(&format!("{from} to {}", to - 1));
    outcome.expect(told, || format!("recover says {}", recovered.said));
    let same = std::fs::read(&out).is_ok_and(|y| y == left);
    outcome.expect(same, || "recover gives something else".into());
    Ok(())
}
