//! `nc train`: a codec's model from data of one's own; which codecs have one, the registry says.
//!
//! The data are found on disk and sorted by path, so that the same folders give the same model;
//! long work keeps checkpoints beside the output and goes on with `--resume`.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use clap::ArgMatches;
use nc::media::output::Output;
use nc::media::records::TextForm;
use nc::{Progress, TrainingData};
use serde_json::{Value, json};

use crate::codec_options;
use crate::failure::{Failure, Result};
use crate::signals;
use crate::ui::{Ui, label, name, show};

/// Runs the command; gives the exit code.
///
/// # Errors
/// Usage, I/O, Cancelled with a checkpoint kept.
pub fn run(matches: &ArgMatches, ui: &mut Ui) -> Result<u8> {
    let Some((codec, matches)) = matches.subcommand() else {
        return Err(Failure::usage("train what?"));
    };
    let path = |name: &str| matches.get_one::<PathBuf>(name).cloned();
    let output = path("output").ok_or_else(|| Failure::usage("no output"))?;
    let family = ui.toolkit().registry().by_name(codec)?;
    let known = family.trainer().map_or(&[][..], |t| t.options());
    let options = codec_options::of_trainer(known, matches)?;
    let hold_out = match path("hold-out") {
        None => Vec::new(),
        Some(path) => codec_options::text(&path)?
            .lines()
            .map(str::trim)
            .filter(|l| !l.is_empty() && !l.starts_with('#'))
            .map(String::from)
            .collect(),
    };
    let data = TrainingData {
        paths: matches
            .get_many::<PathBuf>("data")
            .into_iter()
            .flatten()
            .cloned()
            .collect(),
        hold_out,
        record_length: matches.get_one::<usize>("record-length").copied(),
        missing: matches.get_one::<String>("missing").cloned(),
        text: TextForm {
            delimiter: matches.get_one::<u8>("delimiter").copied(),
            quote: matches.get_one::<Option<u8>>("quote").copied(),
            no_header: matches.get_flag("no-header"),
            comment: matches.get_one::<String>("comment").cloned(),
            log: matches.get_flag("log"),
        },
    };
    let mut out = Output::create(&output, None, matches.get_flag("force"))?;
    let folder = path("checkpoints").unwrap_or_else(|| {
        let mut name = output.as_os_str().to_owned();
        name.push(".checkpoints");
        PathBuf::from(name)
    });
    let ui = &*ui;
    let bar = ui.bar(&output);
    // Without a terminal there is no bar; a log is what people read instead: one line for each new thing to tell.
    let log = !std::io::stderr().is_terminal();
    let mut on_bar = show(&bar);
    let mut told = String::new();
    let mut progress = |p: Progress<'_>| {
        // From now on a stop waits for the step at hand and the checkpoint after it.
        signals::set_grace(std::time::Duration::from_secs(600));
        if !log {
            on_bar(p);
        } else if p.note != told {
            told = p.note.to_owned();
            let total = p.total.unwrap_or(0);
            ui.say(format_args!("{} {}/{total}: {told}", p.task, p.done));
        }
    };
    let mut ctl = ui.toolkit().control();
    ctl.progress = Some(&mut progress);
    ctl.checkpoints = Some(folder.clone());
    ctl.resume = matches.get_flag("resume");
    let mut skipped =
        |file: &std::path::Path, e: &nc::Error| ui.warn(file, format_args!("passed over: {e}"));
    let trained = ui
        .toolkit()
        .train(codec, &data, &options, &mut skipped, &mut ctl);
    bar.finish_and_clear();
    let trained = trained?;
    out.write_all(&trained.model)?;
    out.commit()?;
    // Empty once the checkpoints are gone.
    let _ = std::fs::remove_dir(&folder);
    ui.summary(format_args!("{}: {}", label(&output), trained.summary));
    let mut facts = json!({
        "output": name(&output),
        "bytes": trained.model.len(),
        "ok": true,
    });
    if let (Some(facts), Value::Object(more)) = (facts.as_object_mut(), trained.facts) {
        facts.extend(more);
    }
    ui.json(&facts)?;
    Ok(0)
}
