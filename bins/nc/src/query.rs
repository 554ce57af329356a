//! `nc query`: what a circuit answers exactly.

use std::path::Path;

use nc::circuit::{Circuit, Stored, query};
use nc_core::rng::Rng;
use nc_core::{Control, Error, Format, Model, RecordsBuf, RecordsFormat, Signal, Text};
use nc_media::records::{Reader, Schema, rows_at_once};
use nc_media::{CreateOptions, metadata};
use ndarray::Array2;
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::args::{Given, Query, QueryRecords};
use crate::failure::{Failure, Result};
use crate::files::{self, is_dash};
use crate::models;
use crate::ui::{Ui, label, name};

/// Values of a conditional that a person is shown.
const SHOWN: usize = 12;

/// A circuit, and what its records mean.
pub struct Known {
    /// The tables and what goes with them.
    pub stored: Stored,
    /// What the rows mean.
    pub schema: Schema,
}

impl Known {
    /// From a model file.
    ///
    /// # Errors
    /// Model where it is no circuit's.
    pub fn new(model: &Model) -> Result<Self> {
        let stored = Stored::read(model)?;
        let schema = files::schema(Some(model))?;
        if schema.alphabets() != stored.circuit.alphabets() {
            return Err(Error::Model("circuit and records of different variables".into()).into());
        }
        Ok(Self { stored, schema })
    }

    fn open(path: &Path, ui: &Ui) -> Result<Self> {
        let mut budget = ui.budget();
        let model = models::given(Some(path), &mut budget)?;
        let model = model.ok_or_else(|| Failure::usage("no model"))?;
        Self::new(&model).map_err(|f| f.on(path))
    }

    fn circuit(&self) -> &Circuit {
        &self.stored.circuit
    }

    /// The record in which nothing is known.
    fn unknown(&self) -> Vec<u16> {
        // A variable of all 65,536 values cannot be unknown; its last stands for it.
        let mark = |n: &u32| u16::try_from(*n).unwrap_or(u16::MAX);
        self.circuit().alphabets().iter().map(mark).collect()
    }

    /// The record in which only this is known, as COLUMN=VALUE each.
    fn given(&self, given: &[String]) -> Result<Vec<u16>> {
        let mut record = self.unknown();
        for text in given {
            let (column, value) = text
                .split_once('=')
                .ok_or_else(|| Failure::usage(format!("expected COLUMN=VALUE, got {text:?}")))?;
            let (i, its) = self.schema.column(column)?;
            match self.schema.columns().and_then(|c| c.get(i)) {
                Some(column) => {
                    // A cell that the model does not know is evidence too: that it is another.
                    column.encode(value.as_bytes(), &mut record[its]);
                }
                None => {
                    record[i] = value
                        .parse::<u8>()
                        .map_err(|_| Failure::usage(format!("{value:?} is no byte")))?
                        .into();
                }
            }
        }
        Ok(record)
    }
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
            let known = Known::open(&given.model, ui)?;
            let record = known.given(&given.given)?;
            let mut rng = Rng::new(*seed);
            // As rows of their own and as all of them.
            let values = (*count as u64).saturating_mul(record.len() as u64);
            let heads = (*count as u64).saturating_mul(24);
            ui.budget()
                .charge(values.saturating_mul(4).saturating_add(heads))?;
            let rows: Vec<Vec<u16>> = (0..*count)
                .map(|_| query::sample(known.circuit(), &record, &known.stored.open, &mut rng))
                .collect();
            let rows = rows_of(&known, rows.concat(), Vec::new())?;
            write(&known, &[rows], &[], output, *force, ui)
        }
        Query::Complete {
            records,
            output,
            force,
        } => complete(records, output, *force, ui),
    }
}

fn rows_of(known: &Known, values: Vec<u16>, texts: Vec<Text>) -> Result<RecordsBuf> {
    let d = known.circuit().alphabets().len();
    let values = Array2::from_shape_vec((values.len() / d, d), values)
        .map_err(|e| Failure::usage(e.to_string()))?;
    Ok(RecordsBuf { values, texts })
}

fn write(
    known: &Known,
    rows: &[RecordsBuf],
    extras: &[u8],
    output: &Path,
    force: bool,
    ui: &mut Ui,
) -> Result<u8> {
    if is_dash(output) {
        ui.take_stdout();
    }
    let n: usize = rows.iter().map(|r| r.values.nrows()).sum();
    let variables = known.circuit().alphabets().len() as u32;
    let metadata: Vec<_> = metadata::of_records(extras.to_vec()).into_iter().collect();
    let options = CreateOptions::new()
        .budget(ui.budget())
        .units(n as u64)
        .metadata(&metadata)
        .schema(known.schema.clone());
    let format = Format::Records(RecordsFormat { variables });
    let mut writer = files::writer(output, None, force, &format, options)?;
    for rows in rows {
        writer.write(Signal::Records(rows.view()))?;
    }
    let bytes = writer.finish()?.bytes;
    ui.summary(format_args!("{}: {n} records", label(output)));
    ui.json(&json!({ "output": name(output), "records": n, "bytes": bytes, "ok": true }))?;
    Ok(0)
}

fn reader(known: &Known, args: &QueryRecords, ui: &Ui) -> Result<Box<dyn Reader>> {
    let source = files::records(&args.input).map_err(|f| f.on(&args.input))?;
    let reader = known
        .schema
        .reader(source, args.missing.as_deref(), ui.budget());
    reader.map_err(|e| Failure::from(e).on(&args.input))
}

/// Bits of every record, one line each; of texts those that the model's own bytes cost are not in it.
fn likelihood(args: &QueryRecords, ui: &Ui) -> Result<u8> {
    let known = Known::open(&args.model, ui)?;
    let mut reader = reader(&known, args, ui)?;
    let ctl = ui.cancellable();
    let (mut all, mut n) = (0.0f64, 0u64);
    while let Some(rows) = next(&mut *reader, &known, args, &ctl)? {
        let rows: Vec<Vec<u16>> = rows.values.rows().into_iter().map(|r| r.to_vec()).collect();
        let bits: Vec<f64> = rows
            .par_iter()
            .map(|r| -query::log_likelihood(known.circuit(), r) / std::f64::consts::LN_2)
            .collect();
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
    let d = known.circuit().alphabets().len() as f64;
    let mean = all / n.max(1) as f64;
    let per = mean / d;
    ui.summary(format_args!(
        "{n} records, {mean:.3} bits each, {per:.4} per variable"
    ));
    ui.json(
        &json!({ "records": n, "bits": all, "bits_per_record": mean, "bits_per_variable": per }),
    )?;
    Ok(0)
}

fn next(
    reader: &mut dyn Reader,
    known: &Known,
    args: &QueryRecords,
    ctl: &Control<'_>,
) -> Result<Option<RecordsBuf>> {
    ctl.check()?;
    let rows = reader.next(rows_at_once(&known.schema).min(4096));
    rows.map_err(|e| Failure::from(e).on(&args.input))
}

/// Distribution of columns given others.
fn conditional(given: &Given, of: &[String], ui: &Ui) -> Result<u8> {
    let known = Known::open(&given.model, ui)?;
    let record = known.given(&given.given)?;
    let names = known.schema.names();
    let columns: Vec<(String, usize)> = if of.is_empty() {
        match known.schema.columns() {
            Some(columns) => {
                let named = columns.iter().map(|c| c.name().to_owned());
                named
                    .map(|n| Ok((n.clone(), known.schema.column(&n)?.1.start)))
                    .collect::<nc_core::Result<_>>()?
            }
            None => names.iter().cloned().zip(0..).collect(),
        }
    } else {
        let one = |n: &String| Ok((n.clone(), known.schema.column(n)?.1.start));
        of.iter().map(one).collect::<nc_core::Result<_>>()?
    };
    let variables: Vec<usize> = columns.iter().map(|(_, v)| *v).collect();
    let all = query::conditionals(known.circuit(), &record, &variables);
    for ((column, _), p) in columns.iter().zip(&all) {
        let label = |value: usize| {
            let known = known.schema.columns();
            let column = known.and_then(|c| c.iter().find(|c| c.name() == *column));
            column.map_or_else(|| value.to_string(), |c| c.label(value as u16))
        };
        let mut order: Vec<usize> = (0..p.len()).collect();
        order.sort_by(|a, b| p[*b].total_cmp(&p[*a]));
        if ui.wants_json() {
            let values: Vec<Value> = order
                .iter()
                .map(|v| json!({ "value": label(*v), "probability": p[*v] }))
                .collect();
            ui.json(&json!({ "column": column, "values": values }))?;
            continue;
        }
        ui.print(column)?;
        for v in order.iter().take(SHOWN).filter(|v| p[**v] >= 5e-5) {
            ui.print(format_args!("  {:.4}  {}", p[*v], label(*v)))?;
        }
        let rest: f64 = order.iter().skip(SHOWN).map(|v| p[*v]).sum();
        if rest >= 5e-5 {
            ui.print(format_args!("  {rest:.4}  all others"))?;
        }
    }
    Ok(0)
}

/// Fills unknown cells.
fn complete(args: &QueryRecords, output: &Path, force: bool, ui: &mut Ui) -> Result<u8> {
    let known = Known::open(&args.model, ui)?;
    if args.missing.is_none() {
        return Err(Failure::usage("what is missing?").hint("--missing TEXT names such cells"));
    }
    let mut reader = reader(&known, args, ui)?;
    let mut all = Vec::new();
    // All records are held until the last is there.
    let mut budget = ui.budget();
    let ctl = ui.cancellable();
    while let Some(rows) = next(&mut *reader, &known, args, &ctl)? {
        budget.charge(Signal::Records(rows.view()).memory())?;
        let each: Vec<Vec<u16>> = rows.values.rows().into_iter().map(|r| r.to_vec()).collect();
        let each: Vec<Vec<u16>> = each
            .into_par_iter()
            .map(|r| query::complete(known.circuit(), &r, &known.stored.open))
            .collect();
        all.push(rows_of(&known, each.concat(), rows.texts)?);
    }
    drop(ctl);
    let extras = reader.extras()?;
    write(&known, &all, &extras, output, force, ui)
}
