//! Codecs and their models, `nc model list` and `nc model info`.
//!
//! The model built into the program serves unless `--model` names a file, so the main job needs
//! nothing but the program.

use std::fs::File;
use std::path::Path;
use std::sync::OnceLock;

use nc::circuit::{Frozen, Texts, query};
use nc_core::{Budget, Codec, CodecEntry, Error, Model, ModelId, Opener, Registry};
use nc_media::records::{Image, Schema, rows_at_once};
use serde_json::{Value, json};

use crate::args::ModelInfo;
use crate::failure::{Failure, Result};
use crate::files;
use crate::query::Known;
use crate::ui::{Ui, label, name, one_line};

/// Reads the model file given with `--model`.
///
/// # Errors
/// Model where it is missing or no model, Limit past the budget.
pub fn given(path: Option<&Path>, budget: &mut Budget) -> Result<Option<Model>> {
    let Some(path) = path else { return Ok(None) };
    read(path, budget)
        .map_err(|failure| match failure.error {
            Error::Io(e) => Error::Model(e.to_string().into()).into(),
            _ => failure,
        })
        .map_err(|failure| failure.on(path))
        .map(Some)
}

/// Opens what files ask for, from the models built in and the one given.
pub fn opener<'a>(registry: &'a Registry, given: Option<&Model>) -> impl Opener + 'a {
    registry.opener(given.cloned().into_iter().collect())
}

/// A codec that is opened by the first job that needs it and shared by the others: a job that
/// fails for its own reasons needs no model.
pub struct Shared<'a> {
    registry: &'a Registry,
    entry: &'a CodecEntry,
    given: Option<&'a Model>,
    codec: OnceLock<Box<dyn Codec>>,
}

impl<'a> Shared<'a> {
    /// For a codec with the model given, or the one built in.
    pub fn new(registry: &'a Registry, entry: &'a CodecEntry, given: Option<&'a Model>) -> Self {
        Self {
            registry,
            entry,
            given,
            codec: OnceLock::new(),
        }
    }

    /// The codec.
    ///
    /// # Errors
    /// Model where there is none, or it does not fit.
    pub fn get(&self) -> Result<&dyn Codec> {
        if self.codec.get().is_none() {
            let opened = self.registry.open_for_encoding(self.entry, self.given)?;
            // Where another job was faster, this one is dropped: they are the same.
            let _ = self.codec.set(opened);
        }
        match self.codec.get() {
            Some(codec) => Ok(codec.as_ref()),
            None => Err(Error::Model("the codec could not be opened".into()).into()),
        }
    }
}

fn read(path: &Path, budget: &mut Budget) -> Result<Model> {
    let bytes = budget.read(File::open(path)?, u64::MAX)?;
    // It charges them itself.
    budget.release(bytes.len() as u64);
    Ok(Model::from_bytes(bytes, budget)?)
}

/// `nc model list`: a line for each model that the program holds.
///
/// # Errors
/// I/O.
pub fn list(ui: &Ui) -> Result<u8> {
    for entry in &nc::registry().entries {
        let Some(bytes) = entry.default_model else {
            continue;
        };
        let (codec, id) = (entry.info.name, ModelId::of(bytes));
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
    let model = read(path, &mut ui.budget()).map_err(|f| f.on(path))?;
    let tensors = model.tensors();
    let weights: usize = tensors
        .iter()
        .map(|(_, shape)| shape.iter().fold(1usize, |n, &d| n.saturating_mul(d)))
        .fold(0, usize::saturating_add);
    let circuit = match model.meta("codec") {
        Some("circuit") => Some(Known::new(&model).map_err(|f| f.on(path))?),
        _ => None,
    };
    let asked = args.data.is_some() || args.samples.is_some();
    if circuit.is_none() && asked {
        return Err(Failure::usage("--data and --samples are for circuits"));
    }
    // Long, and told by structure.
    let shown = |key: &str| key != "config" && key != files::SCHEMA;
    let facts = circuit.as_ref().map(structure);
    let cost = match (&circuit, &args.data) {
        (Some(known), Some(data)) => Some(cost(known, data, ui)?),
        _ => None,
    };
    if let (Some(known), Some(png)) = (&circuit, &args.samples) {
        samples(known, png, args.force)?;
    }
    if ui.wants_json() {
        let tensors: Vec<Value> = tensors
            .iter()
            .map(|(name, shape)| json!({ "name": name, "shape": shape }))
            .collect();
        let data = cost.map(|c| {
            let each = c.bits.iter();
            json!({
                "bits_per_variable": c.per_variable(each.clone().map(|(_, x)| x).sum()),
                "multiply_adds_per_variable": c.per_variable(c.multiply_adds),
                "variables": each.map(|(n, x)| json!({ "name": n, "bits": x })).collect::<Vec<_>>(),
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
    for (key, value) in model.metadata().iter().filter(|(k, _)| shown(k)) {
        // Written by whoever made the model, and no words to the terminal.
        ui.print(format_args!("  {:<9} {}", one_line(key), one_line(value)))?;
    }
    if let (Some(known), Some(facts)) = (&circuit, &facts) {
        ui.print(format_args!("  records   {}", known.schema))?;
        for (key, value) in facts.as_object().into_iter().flatten() {
            ui.print(format_args!("  {:<9} {value}", key.replace('_', " ")))?;
        }
    }
    if let Some(cost) = &cost {
        let all: f64 = cost.bits.iter().map(|(_, b)| b).sum();
        ui.print(format_args!(
            "  cost      {:.0} multiply-adds per variable through edges",
            cost.per_variable(cost.multiply_adds)
        ))?;
        ui.print(format_args!(
            "  bits      {all:.3} per record, {:.4} per variable:",
            cost.per_variable(all)
        ))?;
        for (variable, b) in &cost.bits {
            ui.print(format_args!("    {b:>8.4}  {variable}"))?;
        }
    }
    Ok(0)
}

/// Size and cost of a circuit.
fn structure(known: &Known) -> Value {
    let circuit = &known.stored.circuit;
    let vertices = circuit.tree().vertices();
    let most = vertices.iter().map(|v| v.states).max().unwrap_or(0);
    let d = circuit.alphabets().len();
    let edges: usize = (0..vertices.len()).map(|v| circuit.edge(v).len()).sum();
    json!({
        "variables": d,
        "vertices": vertices.len(),
        "states": most,
        "parameters": circuit.parameters(),
        "edge_parameters": edges,
        // Down and up, where all states are left; bins leave fewer.
        "multiply_adds_per_variable_at_most": 2 * edges / d.max(1),
        "first_variables": known.stored.first,
    })
}

/// What records cost under a circuit.
struct Cost {
    /// Mean bits of each variable given those coded before it.
    bits: Vec<(String, f64)>,
    /// Mean multiply-adds through edges for a record.
    multiply_adds: f64,
}

impl Cost {
    fn per_variable(&self, sum: f64) -> f64 {
        sum / self.bits.len().max(1) as f64
    }
}

fn cost(known: &Known, data: &Path, ui: &Ui) -> Result<Cost> {
    let source = files::records(data).map_err(|f| f.on(data))?;
    let on = |e: Error| Failure::from(e).on(data);
    let mut reader = known.schema.reader(source, None, ui.budget()).map_err(on)?;
    let frozen = Frozen::new(&known.stored.circuit)?.with_texts(
        known.stored.open.clone(),
        Texts::from_weights(&known.stored.texts),
    )?;
    let names = known.schema.names();
    let mut all = vec![0.0; names.len()];
    let (mut n, mut multiply_adds) = (0usize, 0usize);
    let ctl = ui.cancellable();
    while let Some(rows) = reader.next(rows_at_once(&known.schema)).map_err(on)? {
        ctl.check()?;
        let bits = frozen.bits(rows.view())?;
        all.iter_mut().zip(&bits).for_each(|(a, b)| *a += b);
        n += rows.values.nrows();
        for row in rows.values.rows() {
            multiply_adds += frozen.multiply_adds(&row.to_vec());
        }
    }
    let n = n.max(1) as f64;
    all.iter_mut().for_each(|b| *b /= n);
    Ok(Cost {
        bits: names.into_iter().zip(all).collect(),
        multiply_adds: multiply_adds as f64 / n,
    })
}

/// Writes ten by ten samples as one picture.
fn samples(known: &Known, png: &Path, force: bool) -> Result<()> {
    const SIDE: u32 = 10;
    let image = known
        .schema
        .image()
        .ok_or_else(|| Failure::usage("the model's records are no images"))?;
    let mut rng = nc_core::rng::Rng::new(1);
    let unknown: Vec<u16> = known
        .stored
        .circuit
        .alphabets()
        .iter()
        .map(|n| *n as u16)
        .collect();
    let line = image.width as usize * usize::from(image.channels);
    let width = line * SIDE as usize;
    let mut sheet = vec![0u8; width * (image.height * SIDE) as usize];
    for i in 0..(SIDE * SIDE) as usize {
        let row = query::sample(
            &known.stored.circuit,
            &unknown,
            &known.stored.open,
            &mut rng,
        );
        let (x, y) = (i % SIDE as usize, i / SIDE as usize);
        for (l, samples) in row.chunks_exact(line).enumerate() {
            let at = (y * image.height as usize + l) * width + x * line;
            for (out, s) in sheet[at..at + line].iter_mut().zip(samples) {
                *out = *s as u8;
            }
        }
    }
    let whole = Image {
        width: image.width * SIDE,
        height: image.height * SIDE,
        ..image
    };
    let mut out = files::output(png, None, force)?;
    Schema::write_png(&mut out, whole, &sheet)?;
    Ok(out.commit()?)
}
