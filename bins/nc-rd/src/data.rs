//! The field's data sets: what they are, under which licence, how to get them, and whether a folder
//! holds one.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use nc_corpora::manifest::{Entry, Fault, Kind, Manifest, Source, archives, built_in, check};

/// What `nc-rd data` is given.
#[derive(clap::Args)]
pub struct DataArgs {
    /// One set, of which everything is told; all of them in a line each without it
    name: Option<String>,
    /// Check the files of a folder against the set's hashes; exit code 1 where one is wrong
    #[arg(long, value_name = "DIR", requires = "name")]
    check: Option<PathBuf>,
}

/// Lists, tells or checks.
///
/// # Errors
/// No such set; a folder that does not hold it, or a set without a hash to check by.
pub fn run(args: &DataArgs) -> Result<()> {
    let sets = built_in()?;
    let Some(name) = &args.name else {
        return print(&list(&sets));
    };
    let (set, files) = sets
        .iter()
        .find(|(s, _)| &s.name == name)
        .with_context(|| {
            let names: Vec<_> = sets.iter().map(|(s, _)| s.name.as_str()).collect();
            format!("no set {name}; there are {}", names.join(", "))
        })?;
    let Some(folder) = &args.check else {
        return print(&tell(set, files));
    };
    let report = checked(set, files, folder)?;
    print(&report.text)?;
    ensure!(report.holds, "{} is not {name}", folder.display());
    Ok(())
}

/// A closed pipe (`| head`) is the reader's wish and no failure.
fn print(text: &str) -> Result<()> {
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}

fn list(sets: &[(Manifest, Vec<Entry>)]) -> String {
    let mut out = String::new();
    for (set, files) in sets {
        let hashes = match (files.len(), set.archive.len()) {
            (0, 0) => "no hashes".into(),
            (0, 1) => "1 archive".into(),
            (0, n) => format!("{n} archives"),
            (1, _) => "1 file".into(),
            (n, _) => format!("{n} files"),
        };
        let _ = writeln!(
            out,
            "{:<30} {:<8} {hashes:<12} {}",
            set.name,
            kind(set.kind),
            set.licence
        );
    }
    out
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Audio => "audio",
        Kind::Image => "image",
        Kind::Video => "video",
        Kind::Records => "records",
    }
}

fn tell(set: &Manifest, files: &[Entry]) -> String {
    let mut out = format!("{} ({})\n{}\n", set.name, kind(set.kind), set.about);
    let from = match &set.source {
        Source::Repository {
            repository,
            revision,
        } => format!("https://github.com/{repository} at {revision}"),
        Source::Page { page } => page.clone(),
    };
    let _ = writeln!(out, "from     {from}");
    let _ = writeln!(out, "licence  {} ({})", set.licence, set.licence_source);
    let _ = writeln!(out, "obtain   {}", set.obtain);
    for archive in &set.archive {
        let _ = writeln!(out, "         {} ({} bytes)", archive.url, archive.bytes);
    }
    let hashes = match (&set.hashes_source, files.len(), set.archive.len()) {
        (_, 0, 0) => "none are published".into(),
        (None, n, m) => format!("SHA-256 of {}", n + m),
        (Some(from), n, m) => format!("SHA-256 of {}, from {from}", n + m),
    };
    let _ = writeln!(out, "hashes   {hashes}");
    if !files.is_empty() || !set.archive.is_empty() {
        let _ = writeln!(out, "check    nc-rd data {} --check DIR", set.name);
    }
    out
}

struct Report {
    text: String,
    holds: bool,
}

/// All files of a list must be there; of a set's archives, at least one, for nobody needs them all.
fn checked(set: &Manifest, files: &[Entry], folder: &Path) -> Result<Report> {
    ensure!(folder.is_dir(), "{}: no folder", folder.display());
    let archives = archives(set);
    let (of, whole, what) = match (files.is_empty(), archives.is_empty()) {
        (false, _) => (files, true, "files"),
        (true, false) => (archives.as_slice(), false, "archives"),
        _ => bail!("{}: no hashes are published, nothing to check by", set.name),
    };
    let faults = check(of, folder);
    let count = |fault| faults.iter().filter(|(_, f)| *f == fault).count();
    let (missing, differ) = (count(Fault::Missing), count(Fault::Differs));
    let mut text = String::new();
    for (path, fault) in &faults {
        let fault = match fault {
            Fault::Missing => "missing",
            Fault::Differs => "differs",
        };
        let _ = writeln!(text, "{fault}  {path}");
    }
    let right = of.len() - faults.len();
    let _ = writeln!(
        text,
        "{}: {right} of {} {what} as they should be, {differ} differ, {missing} missing",
        set.name,
        of.len()
    );
    let holds = differ == 0 && right > 0 && !(whole && missing > 0);
    Ok(Report { text, holds })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn named(name: &str) -> (Manifest, Vec<Entry>) {
        let all = built_in().unwrap();
        all.into_iter().find(|(s, _)| s.name == name).unwrap()
    }

    #[test]
    fn every_set_is_listed_and_told() {
        let all = built_in().unwrap();
        assert_eq!(list(&all).lines().count(), all.len());
        for (set, files) in &all {
            let text = tell(set, files);
            assert!(text.contains(&set.licence_source) && text.contains(&set.obtain));
        }
        assert!(tell(&named("uvg").0, &[]).contains("none are published"));
    }

    #[test]
    fn folders_are_judged_by_all_files_or_by_the_archives_there() {
        let dir = tempfile::tempdir().unwrap();
        let entry = |path: &str| Entry {
            sha256: EMPTY.into(),
            path: path.into(),
        };
        let files = [entry("a"), entry("b")];
        let (kodak, _) = named("kodak");
        let judge = |files: &[Entry]| checked(&kodak, files, dir.path()).unwrap();
        std::fs::write(dir.path().join("a"), "").unwrap();
        let report = judge(&files);
        assert!(!report.holds);
        assert!(report.text.contains("missing  b") && report.text.contains("1 of 2 files"));
        std::fs::write(dir.path().join("b"), "x").unwrap();
        assert!(judge(&files).text.contains("differs  b"));
        std::fs::write(dir.path().join("b"), "").unwrap();
        assert!(judge(&files).holds);
        let (mut vctk, none) = named("vctk");
        assert!(none.is_empty() && !checked(&vctk, &[], dir.path()).unwrap().holds);
        let mut second = vctk.archive[0].clone();
        second.sha256 = EMPTY.into();
        second.url = "http://example.org/a".into();
        vctk.archive.push(second);
        let report = checked(&vctk, &[], dir.path()).unwrap();
        assert!(report.holds, "{}", report.text);
        assert!(checked(&named("uvg").0, &[], dir.path()).is_err());
        assert!(checked(&kodak, &files, &dir.path().join("none")).is_err());
    }
}
