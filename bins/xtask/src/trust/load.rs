//! Many files, a large one, many threads.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, ensure};
use nc::Budget;
use nc_corpora::files::sha256;
use xtask::corpus;

use super::process::{command, complete};
use super::{Outcome, Setting};

/// Peak of the command line on any of these, however many or large: the program itself is 30 MB.
const FLAT: u64 = 160 << 20;
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

/// Small sounds and small files of anything, in one run each.
fn many(setting: &Setting, outcome: &mut Outcome) -> Result<()> {
    let n = setting.of(500, 10_000);
    let (work, nc) = (&setting.work, setting.program("nc"));
    let (from, coded, back) = (work.join("many"), work.join("coded"), work.join("back"));
    std::fs::create_dir_all(&from)?;
    for i in 0..n {
        let text: String = (0..40)
            .map(|k| format!("{} ", (i * 7919 + k * k) % 1013))
            .collect();
        std::fs::write(from.join(format!("{i:05}.txt")), text)?;
    }
    let folder = |to: &Path, of: &Path| -> Vec<std::ffi::OsString> {
        vec![
            "-q".into(),
            "-r".into(),
            "--out-dir".into(),
            to.into(),
            of.into(),
        ]
    };
    let mut encode: Vec<std::ffi::OsString> = ["encode", "--codec", "store"].map(Into::into).into();
    encode.extend(folder(&coded, &from));
    let ran = complete(&mut command(&nc, encode), work)?;
    outcome.expect(ran.code == Some(0), || {
        format!("encoding {n} files: {}", ran.said)
    });
    outcome.expect(ran.peak.is_none_or(|p| p < FLAT), || {
        format!("encoding: {}", mib(ran.peak))
    });
    let mut decode: Vec<std::ffi::OsString> = vec!["decode".into()];
    decode.extend(folder(&back, &coded));
    let again = complete(&mut command(&nc, decode), work)?;
    outcome.expect(again.code == Some(0), || {
        format!("decoding {n} files: {}", again.said)
    });
    outcome.expect(again.peak.is_none_or(|p| p < FLAT), || {
        format!("decoding: {}", mib(again.peak))
    });
    for path in corpus::files(&from)? {
        let name = corpus::name(&path);
        // The ending of the original is kept by taking off what encoding put on.
        let found = [name.clone(), name.replace(".txt", "")];
        let found = found.iter().find_map(|n| std::fs::read(back.join(n)).ok());
        let right = found.is_some_and(|y| std::fs::read(&path).is_ok_and(|x| x == y));
        outcome.expect(right, || format!("{name} does not come back"));
    }
    outcome.notes.push(format!(
        "{n} files: encode {:.1} s, {}; decode {:.1} s, {}",
        ran.seconds,
        mib(ran.peak),
        again.seconds,
        mib(again.peak)
    ));
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
            &["encode", "-q", "--codec", "store"][..],
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
    let models = Arc::new(corpus::models()?);
    let sums = super::golden::list("golden", "golden.sha256")?;
    let files: Vec<(String, Vec<u8>, String)> = sums
        .into_iter()
        .map(|(name, sum)| Ok((name.clone(), std::fs::read(folder.join(&name))?, sum)))
        .collect::<Result<_>>()?;
    let rounds = setting.of(1, 10);
    let results: Vec<Vec<String>> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..THREADS)
            .map(|t| {
                let (files, models) = (&files, models.clone());
                scope.spawn(move || {
                    let registry = nc_codecs::registry();
                    let opener = registry.opener(models.to_vec());
                    let mut wrong = Vec::new();
                    for k in 0..rounds * files.len() {
                        // Each thread begins elsewhere.
                        let at = (k + t * files.len() / THREADS) % files.len();
                        let Some((name, file, sum)) = files.get(at) else {
                            continue;
                        };
                        let y = nc::decode(&opener, file, Budget::default());
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
