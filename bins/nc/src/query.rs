//! `nc query`: what a model over records answers exactly.

use std::path::Path;

use nc::media::records::Reader;
use nc::{Control, Error, Oracle, RecordsBuf, Signal};
use serde_json::{Value, json};

use crate::args::{Given, Query, QueryRecords};
use crate::batch;
use crate::failure::{Failure, Result};
use crate::models;
use crate::ui::{Ui, is_dash, label, name};

/// Values of a conditional that a person is shown.
const SHOWN: usize = 12;

fn open(path: &Path, ui: &mut Ui) -> Result<Oracle> {
    let model = models::given(Some(path), ui)?;
    let model = model.ok_or_else(|| Failure::usage("no model"))?;
    (ui.toolkit().oracle(&model)).map_err(|e| Failure::from(e).on(path))
}

/// What is known, as COLUMN=VALUE each.
fn known(oracle: &Oracle, given: &[String]) -> Result<Vec<u16>> {
    let mut pairs = Vec::new();
    for text in given {
        let (column, value) = text
            .split_once('=')
            .ok_or_else(|| Failure::usage(format!("expected COLUMN=VALUE, got {text:?}")))?;
        pairs.push((column.to_owned(), value.to_owned()));
    }
    Ok(oracle.given(&pairs)?)
}

/// Runs the command; gives the exit code.
///
/// # Errors
/// Those of the model and the records.
pub fn run(query: &Query, ui: &mut Ui) -> Result<u8> {
    match query {
        Query::Likelihood(args) => likelihood(args, ui),
        Query::Conditional { given, of } => conditional(given, of, ui),
        Query::Sample {
            given,
            count,
            seed,
            output,
            force,
        } => {
            let oracle = open(&given.model, ui)?;
            let record = known(&oracle, &given.given)?;
            let mut budget = ui.toolkit().budget();
            let rows = oracle.sample(&record, *count, *seed, &mut budget)?;
            write(&oracle, &[rows], Vec::new(), output, *force, ui)
        }
        Query::Complete {
            records,
            output,
            force,
        } => complete(records, output, *force, ui),
    }
}

fn write(
    oracle: &Oracle,
    rows: &[RecordsBuf],
    extras: Vec<u8>,
    output: &Path,
    force: bool,
    ui: &mut Ui,
) -> Result<u8> {
    if is_dash(output) {
        ui.take_stdout();
    }
    let n: usize = rows.iter().map(|r| r.values.nrows()).sum();
    let target = batch::target(output)?;
    let written = oracle.write(ui.toolkit(), rows, extras, target, force)?;
    ui.summary(format_args!("{}: {n} records", label(output)));
    ui.json(&json!({ "output": name(output), "records": n, "bytes": written.bytes, "ok": true }))?;
    Ok(0)
}

fn reader(oracle: &Oracle, args: &QueryRecords, ui: &Ui) -> Result<Box<dyn Reader>> {
    let source = batch::records(&args.input)?;
    let reader = oracle.records(source, args.missing.as_deref(), ui.toolkit().budget());
    reader.map_err(|e| Failure::from(e).on(&args.input))
}

fn next(
    oracle: &Oracle,
    reader: &mut dyn Reader,
    args: &QueryRecords,
    ctl: &Control<'_>,
) -> Result<Option<RecordsBuf>> {
    ctl.check()?;
    let rows = oracle.next(reader);
    rows.map_err(|e| Failure::from(e).on(&args.input))
}

/// Bits of every record, one line each; of texts those that the model's own bytes cost are not in it.
fn likelihood(args: &QueryRecords, ui: &mut Ui) -> Result<u8> {
    let oracle = open(&args.model, ui)?;
    let mut reader = reader(&oracle, args, ui)?;
    let ctl = ui.toolkit().control();
    let (mut all, mut n) = (0.0f64, 0u64);
    while let Some(rows) = next(&oracle, &mut *reader, args, &ctl)? {
        let bits = oracle.bits(&rows)?;
        for b in &bits {
            if ui.wants_json() {
                ui.json(&json!({ "record": n, "bits": b }))?;
            } else if !ui.is_quiet() {
                ui.print(format_args!("{b:.3}"))?;
            }
            all += b;
            n += 1;
        }
    }
    let mean = all / n.max(1) as f64;
    let per = mean / oracle.variables() as f64;
    ui.summary(format_args!(
        "{n} records, {mean:.3} bits each, {per:.4} per variable"
    ));
    ui.json(
        &json!({ "records": n, "bits": all, "bits_per_record": mean, "bits_per_variable": per }),
    )?;
    Ok(0)
}

/// Distribution of columns given others.
fn conditional(given: &Given, of: &[String], ui: &mut Ui) -> Result<u8> {
    let oracle = open(&given.model, ui)?;
    let record = known(&oracle, &given.given)?;
    for told in oracle.conditionals(&record, of)? {
        if ui.wants_json() {
            let values: Vec<Value> = told
                .values
                .iter()
                .map(|(v, p)| json!({ "value": v, "probability": p }))
                .collect();
            ui.json(&json!({ "column": told.column, "values": values }))?;
            continue;
        }
        ui.print(&told.column)?;
        for (v, p) in told.values.iter().take(SHOWN).filter(|(_, p)| *p >= 5e-5) {
            ui.print(format_args!("  {p:.4}  {v}"))?;
        }
        let rest: f64 = told.values.iter().skip(SHOWN).map(|(_, p)| p).sum();
        if rest >= 5e-5 {
            ui.print(format_args!("  {rest:.4}  all others"))?;
        }
    }
    Ok(0)
}

/// Fills unknown cells.
fn complete(args: &QueryRecords, output: &Path, force: bool, ui: &mut Ui) -> Result<u8> {
    let oracle = open(&args.model, ui)?;
    if args.missing.is_none() {
        return Err(Failure::usage("what is missing?").hint("--missing TEXT names such cells"));
    }
    let mut reader = reader(&oracle, args, ui)?;
    let mut all = Vec::new();
    // All records are held until the last is there.
    let mut budget = ui.toolkit().budget();
    let ctl = ui.toolkit().control();
    while let Some(rows) = next(&oracle, &mut *reader, args, &ctl)? {
        budget.charge(Signal::Records(rows.view()).memory())?;
        all.push(oracle.complete(rows)?);
    }
    let extras = reader
        .extras()
        .map_err(|e: Error| Failure::from(e).on(&args.input))?;
    write(&oracle, &all, extras, output, force, ui)
}
