//! Many files, a large one, many threads.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Result, ensure};
use nc_core::Budget;
use nc_corpora::{files::sha256, synth};
use xtask::corpus;
use xtask::opener::{REGISTRY, of_bytes};

use super::media::wav;
use super::process::{command, complete};
use super::{Outcome, Setting};

/// Peak of the command line on any of these, however many or large: the program itself is 30 MB.
const FLAT: u64 = 160 << 20;
/// Samples of a small sound.
const SOUND: usize = 4000;
/// Threads that decode at once.
const THREADS: usize = 8;

pub fn run(setting: &Setting) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    many(setting, &mut outcome)?;
    large(setting, &mut outcome)?;
    threads(setting, &mut outcome)?;
    Ok(outcome)
}

fn mib(bytes: Option<u64>) -> String {
    bytes.map_or("?".into(), |b| format!("{} MiB", b >> 20))
}

/// Small files of anything, and small sounds, each kind in one run.
fn many(setting: &Setting, outcome: &mut Outcome) -> Result<()> {
    let n = setting.of(500, 10_000);
    let (texts, sounds) = (setting.work.join("texts"), setting.work.join("sounds"));
    std::fs::create_dir_all(&texts)?;
    for i in 0..n / 2 {
        let text: String = (0..40)
            .map(|k| format!("{} ", (i * 7919 + k * k) % 1013))
            .collect();
        std::fs::write(texts.join(format!("{i:05}.txt")), text)?;
    }
    there_and_back(
        setting,
        outcome,
        &texts,
        &["--codec", of_bytes()?],
        |x, y| x == y,
    )?;
    std::fs::create_dir_all(&sounds)?;
    let voice = synth::speech(11, 30.0);
    for (i, cut) in voice
        .windows(SOUND)
        .step_by(97)
        .cycle()
        .take(n / 2)
        .enumerate()
    {
        wav(&sounds.join(format!("{i:05}.wav")), 16_000, cut)?;
    }
    // Lossy: as many samples, and some of them not zero.
    there_and_back(setting, outcome, &sounds, &[], |x, y| {
        x.len() == y.len() && y.iter().skip(44).any(|b| *b != 0)
    })
}

/// Encodes and decodes a folder, and compares each file with what came back of it.
fn there_and_back(
    setting: &Setting,
    outcome: &mut Outcome,
    from: &Path,
    how: &[&str],
    same: impl Fn(&[u8], &[u8]) -> bool,
) -> Result<()> {
    let (coded, back) = (from.with_extension("coded"), from.with_extension("back"));
    let mut said = Vec::new();
    for (command_of, how, to, of) in [
        ("encode", how, &coded, from),
        ("decode", &[][..], &back, &coded),
    ] {
        let mut words = vec![OsString::from(command_of)];
        words.extend(how.iter().map(OsString::from));
        words.extend(["-q", "-r", "--out-dir"].map(OsString::from));
        words.extend([to.into(), of.into()]);
        let ran = complete(&mut command(&setting.program("nc"), words), &setting.work)?;
        let of = of.display();
        outcome.expect(ran.code == Some(0), || {
            format!("{command_of} {of}: {}", ran.said)
        });
        outcome.expect(ran.peak.is_none_or(|p| p < FLAT), || {
            format!("{command_of} {of}: {}", mib(ran.peak))
        });
        said.push(format!(
            "{command_of} {:.1} s, {}",
            ran.seconds,
            mib(ran.peak)
        ));
    }
    let files = corpus::files(from)?;
    for path in &files {
        let name = corpus::name(path);
        // What bytes were called is not kept.
        let found = [name.clone(), name.replace(".txt", "")];
        let found = found.iter().find_map(|n| std::fs::read(back.join(n)).ok());
        let right = found.is_some_and(|y| std::fs::read(path).is_ok_and(|x| same(&x, &y)));
        outcome.expect(right, || format!("{name} does not come back"));
    }
    let kind = from.file_name().unwrap_or_default().display();
    let note = format!("{} {kind}: {}", files.len(), said.join("; "));
    outcome.notes.push(note);
    Ok(())
}

/// A file of 4 GB, mostly holes, and what comes back of it.
fn large(setting: &Setting, outcome: &mut Outcome) -> Result<()> {
    let bytes = setting.of(200_000_000, 4_000_000_000) as u64;
    let (work, nc) = (&setting.work, setting.program("nc"));
    let (from, coded, back) = (
        work.join("large"),
        work.join("large.nc"),
        work.join("large.back"),
    );
    let mut file = std::fs::File::create(&from)?;
    file.set_len(bytes)?;
    file.write_all(b"the first bytes")?;
    drop(file);
    let args = |words: &[&str], paths: [&Path; 2]| -> Vec<std::ffi::OsString> {
        let mut all: Vec<std::ffi::OsString> = words.iter().map(Into::into).collect();
        all.extend(paths.map(Into::into));
        all
    };
    for (words, paths) in [
        (
            &["encode", "-q", "--codec", of_bytes()?][..],
            [from.as_path(), &coded],
        ),
        (&["decode", "-q"], [&coded, &back]),
    ] {
        let ran = complete(&mut command(&nc, args(words, paths)), work)?;
        outcome.expect(ran.code == Some(0), || format!("{words:?}: {}", ran.said));
        outcome.expect(ran.peak.is_none_or(|p| p < FLAT), || {
            format!("{words:?}: {}", mib(ran.peak))
        });
        outcome.notes.push(format!(
            "{} of {bytes} bytes: {:.1} s, {}",
            words[0],
            ran.seconds,
            mib(ran.peak)
        ));
    }
    outcome.expect(same(&from, &back)?, || {
        "the large file does not come back".into()
    });
    std::fs::remove_file(&coded)?;
    std::fs::remove_file(&back)?;
    Ok(())
}

fn same(a: &Path, b: &Path) -> Result<bool> {
    let (mut a, mut b) = (std::fs::File::open(a)?, std::fs::File::open(b)?);
    if a.metadata()?.len() != b.metadata()?.len() {
        return Ok(false);
    }
    let (mut x, mut y) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    loop {
        let n = a.read(&mut x)?;
        b.read_exact(&mut y[..n])?;
        if n == 0 || x[..n] != y[..n] {
            return Ok(n == 0);
        }
    }
}

/// Library threads that share one codec, against one after the other.
fn threads(setting: &Setting, outcome: &mut Outcome) -> Result<()> {
    let folder = corpus::folder("golden");
    let sums = super::golden::list("golden", "golden.sha256")?;
    let files: Vec<(String, Vec<u8>, String)> = sums
        .into_iter()
        .map(|(name, sum)| Ok((name.clone(), std::fs::read(folder.join(&name))?, sum)))
        .collect::<Result<_>>()?;
    let rounds = setting.of(1, 10);
    let results: Vec<Vec<String>> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..THREADS)
            .map(|t| {
                let files = &files;
                scope.spawn(move || {
                    let mut wrong = Vec::new();
                    for k in 0..rounds * files.len() {
                        // Each thread begins elsewhere.
                        let at = (k + t * files.len() / THREADS) % files.len();
                        let Some((name, file, sum)) = files.get(at) else {
                            continue;
                        };
                        let y = nc_core::decode(&*REGISTRY, file, Budget::default());
                        if !y.is_ok_and(|y| sha256(&y.to_le_bytes()) == *sum) {
                            wrong.push(name.clone());
                        }
                    }
                    wrong
                })
            })
            .collect();
        all.into_iter()
            .map(|t| t.join().unwrap_or_else(|_| vec!["a panic".into()]))
            .collect()
    });
    ensure!(results.len() == THREADS);
    for (t, wrong) in results.iter().enumerate() {
        outcome.tried += (rounds * files.len()) as u64;
        outcome
            .failures
            .extend(wrong.iter().map(|w| format!("thread {t}: {w}")));
    }
    Ok(())
}
