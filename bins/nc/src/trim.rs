//! `nc trim`: the same file at a lower rate, without decoding it to samples.

use std::io::BufReader;
use std::path::{Path, PathBuf};

use nc_core::Archive;
use serde_json::json;

use crate::args::Trim;
use crate::batch::{self, Done};
use crate::decode::not_nc;
use crate::encode::{goal, kbps, seconds};
use crate::failure::{Failure, Result};
use crate::files::{input, is_dash, is_nc, is_nc_file, output};
use crate::models;
use crate::ui::{Ui, label, name, show};

/// Runs the command; gives the exit code.
///
/// # Errors
/// What stops all files; the failures of single files are reported and in the code.
pub fn run(args: &Trim, ui: &mut Ui) -> Result<u8> {
    let registry = nc::registry();
    let goal = goal(&args.goal)
        .ok_or_else(|| Failure::usage("no rate to trim to").hint("give one with -b"))?;
    let same_name = |input: &Path| PathBuf::from(input.file_name().unwrap_or_default());
    let jobs = batch::jobs(&args.paths, &args.to, same_name, is_nc_file)?;
    if jobs.iter().any(|j| is_dash(&j.output)) {
        ui.take_stdout();
    }
    let ui = &*ui;
    let model = models::given(args.model.as_deref(), &mut ui.budget())?;
    let opener = models::opener(&registry, model.as_ref());
    Ok(batch::run(
        ui,
        &jobs,
        |job| &job.input,
        |job, threads| {
            let input = input(&job.input)?;
            if !is_nc(input.sniff()) {
                return Err(not_nc(&input));
            }
            let bar = ui.bar(&job.input);
            let mut progress = show(&bar);
            let mut ctl = ui.control(threads, &mut progress);
            let mut archive = Archive::open(BufReader::new(input.seekable()?), ui.budget())?;
            let format = archive.header().format;
            if args.to.out_dir.is_some() {
                batch::make_folder_of(&job.output)?;
            }
            let mut out = output(&job.output, Some(&job.input), args.to.force)?;
            let (_, summary) = archive.trim(&mut out, &opener, goal, &mut ctl)?;
            out.commit()?;
            bar.finish_and_clear();
            let seconds = seconds(format, summary.units);
            let kbps = kbps(summary.bytes, seconds);
            let rate = kbps.map_or(String::new(), |k| format!(", {k:.2} kbit/s"));
            ui.summary(format_args!(
                "{} -> {}: {} bytes{rate}",
                label(&job.input),
                label(&job.output),
                summary.bytes
            ));
            Ok(Done(json!({
                "output": name(&job.output),
                "bytes": summary.bytes,
                "payload": summary.payload,
                "units": summary.units,
                "chunks": summary.chunks,
                "seconds": seconds,
                "kbps": kbps,
            })))
        },
    ))
}
