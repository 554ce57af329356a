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
mod tests;
