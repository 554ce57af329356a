//! `nc-rd report`: results as one HTML file that needs no network, and as plots.
//!
//! All figures are worked out here; the page's script draws curves, moves sliders and shows or hides
//! what is already there, so that the page can be read without it.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

mod bd;
mod compare;
mod data;
mod media;
mod page;
mod parts;
mod plots;
mod tables;
mod view;

use crate::bench::cache;
use crate::bench::results::read;

/// Makes a report of results
#[derive(clap::Args)]
pub struct ReportArgs {
    /// Folder that `nc-rd run` wrote
    #[arg(value_name = "OUT")]
    folder: PathBuf,
    /// HTML to write, instead of OUT/report.html
    #[arg(short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Room for pictures and sounds within the report
    #[arg(long, default_value_t = 24, value_name = "N")]
    max_mib: usize,
    /// Inputs shown as examples of each dataset
    #[arg(long, default_value_t = 3, value_name = "N")]
    examples: usize,
}

impl ReportArgs {
    /// The report of a folder with all its defaults.
    pub fn of(folder: &Path) -> Self {
        Self {
            folder: folder.to_path_buf(),
            output: None,
            max_mib: 24,
            examples: 3,
        }
    }
}

/// A dataset with all that is shown of it.
struct Shown<'a> {
    set: view::Set<'a>,
    /// By metric, anchor and codec.
    bd: Vec<Vec<Vec<bd::Pair>>>,
    /// Plot of the main metric, as data URI.
    rate_plot: Option<String>,
    /// Plot against time, as data URI.
    time_plot: Option<String>,
    examples: Vec<media::Example<'a>>,
}

/// Reads `OUT/results.json`, writes `OUT/plots` and the report, and says so.
///
/// # Errors
/// Results that are not there or no results, drawing, files that cannot be written.
pub fn run(args: &ReportArgs) -> Result<()> {
    let results = read(&args.folder)?;
    let plots = args.folder.join("plots");
    std::fs::create_dir_all(&plots).with_context(|| plots.display().to_string())?;
    let sets = view::Set::all(&results);
    let with_media = |s: &view::Set<'_>| {
        let mut rows = results.rows.iter();
        rows.any(|r| r.dataset == s.dataset.name && r.media.is_some())
    };
    let mut waiting = sets.iter().filter(|s| with_media(s)).count();
    let mut room = args.max_mib << 20;
    let mut names: Vec<String> = Vec::new();
    let (mut drawn, mut shots) = (0, 0);
    let mut shown = Vec::new();
    for set in sets {
        let mut name = plots::slug(&set.dataset.name);
        if names.contains(&name) {
            name = format!("{name}-{}", names.len());
        }
        let rates = plots::rates(&set, &name)?;
        let time = plots::time(&set, &name)?;
        names.push(name);
        for p in rates.iter().chain(&time) {
            write(&plots.join(format!("{}.svg", p.name)), p.svg.as_bytes())?;
            write(&plots.join(format!("{}.png", p.name)), &p.png)?;
            drawn += 2;
        }
        let mut examples = Vec::new();
        if with_media(&set) {
            // An equal share of what is left for each dataset: the first must not take it all.
            let share = room / waiting.max(1);
            let mut left = share;
            examples = media::examples(&args.folder, &set, &results.rows, args.examples, &mut left);
            room -= share - left;
            waiting -= 1;
        }
        shots += examples.iter().map(|e| e.decoded.len() + 1).sum::<usize>();
        let svg = |p: &plots::Plot| media::uri("image/svg+xml", p.svg.as_bytes());
        shown.push(Shown {
            bd: set.metrics.iter().map(|m| bd::pairs(&set, m)).collect(),
            rate_plot: rates.first().map(svg),
            time_plot: time.as_ref().map(svg),
            set,
            examples,
        });
    }
    let csv = args.folder.join("rows.csv").exists().then_some("rows.csv");
    let page = page::page(&results, &shown, csv)?;
    let output = args
        .output
        .clone()
        .unwrap_or_else(|| args.folder.join("report.html"));
    write(&output, page.as_bytes())?;
    let mib = page.len() as f64 / f64::from(1 << 20);
    let (rows, datasets) = (results.rows.len(), shown.len());
    // A closed pipe is the reader's wish and no failure.
    let _ = writeln!(
        std::io::stdout(),
        "{}: {mib:.1} MiB, {datasets} datasets, {rows} runs, {shots} examples; {drawn} plots in {}",
        output.display(),
        plots.display()
    );
    Ok(())
}

/// Writes a file whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    ensure!(!path.is_dir(), "{} is a folder", path.display());
    cache::write(path, bytes)
}
