//! Models: those given with `--model`, `nc model list` and `nc model info`.
//!
//! The model built into the program serves unless `--model` names a file, so the main job needs
//! nothing but the program.

use std::path::Path;

use nc::media::code;
use nc::media::output::Output;
use nc::media::records::Schema;
use nc::{Cost, Error, Model, ModelId, Oracle};
use serde_json::{Value, json};

use crate::args::ModelInfo;
use crate::failure::{Failure, Result};
use crate::ui::{Ui, label, name, one_line};

/// Reads the model file given with `--model`, which files may ask for from then on.
///
/// # Errors
/// Model where it is missing or no model, Limit past the budget.
pub fn given(path: Option<&Path>, ui: &mut Ui) -> Result<Option<Model>> {
    let Some(path) = path else { return Ok(None) };
    let model = read(path, ui).map_err(|failure| match failure.error {
        Error::Io(e) => Failure::from(Error::Model(e.to_string().into())).on(path),
        _ => failure,
    })?;
    ui.toolkit_mut().add_model(model.clone());
    Ok(Some(model))
}

/// As [`given`].
///
/// # Errors
/// As for [`given`].
pub fn add(path: Option<&Path>, ui: &mut Ui) -> Result<()> {
    given(path, ui).map(drop)
}

fn read(path: &Path, ui: &Ui) -> Result<Model> {
    (ui.toolkit().read_model(path)).map_err(|e| Failure::from(e).on(path))
}

/// What the user may do about a decode that failed, beside what the error's code says.
pub fn hint_for_decoding(e: Error) -> Failure {
    let is_media = e.code() == Some(code::NOT_NC);
    let failure = Failure::from(e);
    match is_media {
        true => failure.hint("nc encode makes one of it"),
        false => failure,
    }
}

/// `nc model list`: a line for each model that the program holds.
///
/// # Errors
/// I/O.
pub fn list(ui: &Ui) -> Result<u8> {
    for family in ui.toolkit().registry().families() {
        let Some(bytes) = family.default_model() else {
            continue;
        };
        let (codec, id) = (family.info().name, ModelId::of(bytes));
        if ui.wants_json() {
            ui.json(&json!({ "codec": codec, "id": id.to_string(), "bytes": bytes.len() }))?;
        } else {
            ui.print(format_args!("{codec}: model {id}, {} bytes", bytes.len()))?;
        }
    }
    Ok(0)
}

/// `nc model info`
///
/// # Errors
/// I/O, Model where it is none.
pub fn info(args: &ModelInfo, ui: &Ui) -> Result<u8> {
    let path = &args.file;
    let model = read(path, ui)?;
    let tensors = model.tensors();
    let weights: u64 = tensors
        .iter()
        // Tensors lie in a file.
        .map(|(_, shape)| shape.iter().map(|&d| d as u64).product::<u64>())
        .sum();
    let asked = args.data.is_some() || args.samples.is_some();
    let oracle = match ui.toolkit().registry().of_model(&model) {
        Ok(family)
            if family
                .questions(&model)
                .map_err(|e| Failure::from(e).on(path))?
                .is_some() =>
        {
            Some(
                ui.toolkit()
                    .oracle(&model)
                    .map_err(|e| Failure::from(e).on(path))?,
            )
        }
        _ => None,
    };
    if oracle.is_none() && asked {
        return Err(Failure::usage("--data and --samples are for circuits"));
    }
    let facts = oracle.as_ref().map(Oracle::structure);
    let cost = match (&oracle, &args.data) {
        (Some(oracle), Some(data)) => Some(cost(oracle, data, ui)?),
        _ => None,
    };
    if let (Some(oracle), Some(png)) = (&oracle, &args.samples) {
        let (image, pixels) = oracle.sheet(1)?;
        let mut out = Output::create(png, None, args.force)?;
        Schema::write_png(&mut out, image, &pixels)?;
        out.commit()?;
    }
    if ui.wants_json() {
        let tensors: Vec<Value> = tensors
            .iter()
            .map(|(name, shape)| json!({ "name": name, "shape": shape }))
            .collect();
        let data = cost.map(|c| {
            json!({
                "bits_per_variable": per_variable(&c, sum(&c)),
                "multiply_adds_per_variable": per_variable(&c, c.multiply_adds),
                "variables": c.bits.iter().map(|(n, x)| json!({ "name": n, "bits": x })).collect::<Vec<_>>(),
            })
        });
        ui.json(&json!({
            "input": name(path),
            "id": model.id.to_string(),
            "bytes": model.len(),
            "weights": weights,
            "metadata": model.metadata(),
            "tensors": tensors,
            "structure": facts,
            "data": data,
        }))?;
        return Ok(0);
    }
    ui.print(format_args!("{}: model {}", label(path), model.id))?;
    ui.print(format_args!("  bytes     {}", model.len()))?;
    ui.print(format_args!(
        "  weights   {weights} in {} tensors",
        tensors.len()
    ))?;
    // Long, and told by structure.
    let shown = |key: &str| key != "config" && key != "records";
    for (key, value) in model.metadata().iter().filter(|(k, _)| shown(k)) {
        // Written by whoever made the model, and no words to the terminal.
        ui.print(format_args!("  {:<9} {}", one_line(key), one_line(value)))?;
    }
    if let (Some(oracle), Some(facts)) = (&oracle, &facts) {
        ui.print(format_args!("  records   {}", oracle.schema()))?;
        for (key, value) in facts.as_object().into_iter().flatten() {
            ui.print(format_args!("  {:<9} {value}", key.replace('_', " ")))?;
        }
    }
    if let Some(cost) = &cost {
        let all = sum(cost);
        ui.print(format_args!(
            "  cost      {:.0} multiply-adds per variable through edges",
            per_variable(cost, cost.multiply_adds)
        ))?;
        ui.print(format_args!(
            "  bits      {all:.3} per record, {:.4} per variable:",
            per_variable(cost, all)
        ))?;
        for (variable, b) in &cost.bits {
            ui.print(format_args!("    {b:>8.4}  {variable}"))?;
        }
    }
    Ok(0)
}

fn sum(cost: &Cost) -> f64 {
    cost.bits.iter().map(|(_, b)| b).sum()
}

fn per_variable(cost: &Cost, sum: f64) -> f64 {
    sum / cost.bits.len().max(1) as f64
}

fn cost(oracle: &Oracle, data: &Path, ui: &Ui) -> Result<Cost> {
    let on = |e: Error| Failure::from(e).on(data);
    let source = crate::batch::records(data)?;
    let budget = ui.toolkit().budget();
    let mut reader = oracle.records(source, None, budget).map_err(on)?;
    oracle
        .cost(&mut *reader, &ui.toolkit().control())
        .map_err(on)
}
