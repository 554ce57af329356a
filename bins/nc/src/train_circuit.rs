//! `nc train circuit`: a model from a person's own records.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use nc::circuit::learn::{Recipe, Traits, hidden_chow_liu_after, quad_tree, train, with_bins};
use nc::circuit::{Records, Stored, Texts};
use nc_core::{Budget, Error, Progress, Signal};
use nc_media::records::{Learn, Schema, Source, rows_at_once};
use serde_json::json;

use crate::args::{Structure, TrainCircuit};
use crate::failure::{Failure, Result};
use crate::files::{self, SCHEMA};
use crate::ui::{Ui, label, name, show};

/// Runs the command; gives the exit code.
///
/// # Errors
/// Usage for records that are not of one kind, I/O, Cancelled with a checkpoint kept.
pub fn run(args: &TrainCircuit, ui: &mut Ui) -> Result<u8> {
    let mut recipe: Recipe = match &args.recipe {
        None => Recipe::default(),
        Some(path) => {
            let text = files::text(path, &ui.budget())?;
            serde_json::from_str(&text)
                .map_err(|e| Failure::usage(format!("not a recipe: {e}")).on(path))?
        }
    };
    recipe.seed = args.seed;
    if let Some(epochs) = args.epochs {
        recipe.epochs = epochs;
    }
    if args.minutes.is_some() {
        recipe.minutes = args.minutes;
    }
    let learn = Learn {
        record_length: args.record_length,
    };
    let schema = Schema::learn(&args.data, &learn, &ui.budget())?;
    let (data, texts) = read(args, &schema, &mut ui.budget())?;
    ui.say(format_args!(
        "{} records: {schema}, {} variables",
        data.len(),
        data.variables().len()
    ));
    let states = args.states;
    if !(1..=1024).contains(&states) {
        return Err(Failure::usage("--states must be 1 to 1024"));
    }
    let mut first = Vec::new();
    for name in &args.first {
        first.extend(schema.column(name)?.1);
    }
    if !first.is_empty() && first.len() >= data.variables().len() {
        return Err(Failure::usage("--first must leave columns to come after"));
    }
    let image = schema.image();
    let traits = Traits {
        ordered: schema.ordered(),
        image: image.map(|i| [i.height as usize, i.width as usize, usize::from(i.channels)]),
    };
    let tree = match args.structure {
        Structure::Hclt => hidden_chow_liu_after(&data, states, &first)?,
        Structure::Quad => {
            if !first.is_empty() {
                return Err(Failure::usage("--first needs the structure hclt"));
            }
            let [height, width, samples] = traits
                .image
                .ok_or_else(|| Failure::usage("a quad tree needs records that are images"))?;
            quad_tree(height, width, samples, states)?
        }
    };
    let tree = with_bins(tree, &data, usize::from(args.bins))?;
    let mut out = files::output(&args.output, None, args.force)?;
    let folder = args.checkpoints.clone().unwrap_or_else(|| {
        let mut name = args.output.as_os_str().to_owned();
        name.push(".checkpoints");
        PathBuf::from(name)
    });
    // A stop waits for the batch at hand and the checkpoint after it.
    crate::signals::set_grace(std::time::Duration::from_secs(600));
    let bar = ui.bar(&args.output);
    let log = !std::io::stderr().is_terminal();
    let mut on_bar = show(&bar);
    let ui = &*ui;
    let mut told = String::new();
    let mut progress = |p: Progress<'_>| {
        if !log {
            on_bar(p);
        } else if p.note != told {
            // One line for each pass.
            told = p.note.to_owned();
            ui.say(format_args!(
                "{} {}/{}: {told}",
                p.task,
                p.done,
                p.total.unwrap_or(0)
            ));
        }
    };
    let mut ctl = ui.control(0, &mut progress);
    ctl.checkpoints = Some(folder.clone());
    // Fails where a pool is there already, which then is as good.
    let _ = rayon::ThreadPoolBuilder::new()
        .num_threads(ui.threads())
        .build_global();
    let learnt = train(&data, tree, &traits, &recipe, args.resume, &mut ctl);
    bar.finish_and_clear();
    let learnt = learnt?;
    // Empty once the checkpoint is gone.
    let _ = std::fs::remove_dir(&folder);
    let d = data.variables().len();
    let stored = Stored {
        circuit: learnt.circuit,
        open: schema.open(),
        first: first.len(),
        texts: match texts.is_empty() {
            true => Vec::new(),
            false => Texts::count(texts.iter().map(Vec::as_slice)),
        },
    };
    let files: Vec<String> = args.data.iter().map(|p| name(p)).collect();
    recipe.smoothing = learnt.smoothing;
    let recipe = serde_json::to_string(&recipe).map_err(|e| Error::Model(e.to_string().into()))?;
    let meta: BTreeMap<String, String> = [
        (SCHEMA, schema.to_json()?),
        ("data", files.join(", ")),
        (
            "licence",
            args.licence.clone().unwrap_or_else(|| "unknown".into()),
        ),
        ("recipe", recipe),
        ("trained_on", format!("{} records", data.len())),
        ("seconds", format!("{:.0}", learnt.seconds)),
        ("epochs", learnt.epochs.to_string()),
        ("held_out_bits", format!("{:.5}", learnt.held_out_bits)),
        (
            "structure",
            match args.structure {
                Structure::Hclt => "hidden Chow-Liu tree".into(),
                Structure::Quad => "quad tree".into(),
            },
        ),
    ]
    .map(|(k, v)| (k.to_owned(), v))
    .into();
    let bytes = stored.to_bytes(&meta)?;
    out.write_all(&bytes)?;
    out.commit()?;
    let record = learnt.held_out_bits * d as f64 / 8.0;
    ui.summary(format_args!(
        "{}: {} bytes, {:.4} bits per variable and {record:.2} bytes per record held out, {:.0} s",
        label(&args.output),
        bytes.len(),
        learnt.held_out_bits,
        learnt.seconds
    ));
    ui.json(&json!({
        "output": name(&args.output),
        "bytes": bytes.len(),
        "records": data.len(),
        "variables": d,
        "parameters": stored.circuit.parameters(),
        "bits_per_variable": learnt.bits,
        "held_out_bits_per_variable": learnt.held_out_bits,
        "epochs": learnt.epochs,
        "seconds": learnt.seconds,
        "ok": true,
    }))?;
    Ok(0)
}

/// All records of the files, and the texts in them; charged to `budget`.
fn read(
    args: &TrainCircuit,
    schema: &Schema,
    budget: &mut Budget,
) -> Result<(Records, Vec<Vec<u8>>)> {
    let (mut values, mut texts) = (Vec::new(), Vec::new());
    for file in &args.data {
        let on = |e: Error| Failure::from(e).on(file);
        let source = Source::open(file).map_err(on)?;
        let missing = args.missing.as_deref();
        let mut reader = schema.reader(source, missing, budget.share()).map_err(on)?;
        while let Some(rows) = reader.next(rows_at_once(schema)).map_err(on)? {
            budget
                .charge(Signal::Records(rows.view()).memory())
                .map_err(on)?;
            values.extend(rows.values.iter());
            texts.extend(rows.texts.into_iter().map(|t| t.bytes));
        }
    }
    let records = Records::new(schema.alphabets(), values)?;
    if records.is_empty() {
        return Err(Failure::usage("the files hold no records"));
    }
    Ok((records, texts))
}
