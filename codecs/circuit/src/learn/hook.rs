//! Learning as the registry offers it: records in, a model file out.

use std::collections::BTreeMap;

use nc_core::family::{Examples, RecordsForm, Trained, Trainer};
use nc_core::{
    CodecOption, Control, Error, Family as _, Model, OptionValue, Options, Result, SignalBuf,
};
use serde_json::json;

use super::{Recipe, Traits, hidden_chow_liu_after, quad_tree, train, with_bins};
use crate::{Records, Stored, Texts};

/// Learns a circuit.
pub struct Learner;

const OPTIONS: &[CodecOption] = &[
    CodecOption {
        name: "states",
        help: "states of a vertex at most; more fit closer and cost time and model size (default 64)",
        value: OptionValue::Whole(1, 1024),
    },
    CodecOption {
        name: "bins",
        help: "bins of a variable's values, each with states of its own; 1: every state gives every value (default 6)",
        value: OptionValue::Whole(1, 256),
    },
    CodecOption {
        name: "structure",
        help: "a hidden Chow-Liu tree learnt from the data, or for images a quad tree (default hclt)",
        value: OptionValue::Choice(&["hclt", "quad"]),
    },
    CodecOption {
        name: "epochs",
        help: "passes over the records",
        value: OptionValue::Whole(1, 1 << 32),
    },
    CodecOption {
        name: "minutes",
        help: "minutes to learn for, which then decide the passes",
        value: OptionValue::Number,
    },
    CodecOption {
        name: "recipe",
        help: "recipe as JSON; by default the one that the defaults were found with",
        value: OptionValue::File,
    },
    CodecOption {
        name: "first",
        help: "columns that are to decode without the rest, separated by commas",
        value: OptionValue::List,
    },
    CodecOption {
        name: "seed",
        help: "seed (default 1)",
        value: OptionValue::Whole(0, u64::MAX),
    },
    CodecOption {
        name: "licence",
        help: "licence of the data, for the model's card",
        value: OptionValue::Text,
    },
];

impl Trainer for Learner {
    fn about(&self) -> &'static str {
        "Learn a circuit from records: IDX (also .gz), CSV, PNG folders, Parquet, raw"
    }

    fn options(&self) -> &'static [CodecOption] {
        OPTIONS
    }

    fn train(
        &self,
        data: &mut dyn Examples,
        options: &Options,
        ctl: &mut Control<'_>,
    ) -> Result<Trained> {
        let none = || Error::Usage("records are what it learns from".into());
        let form = data.form().ok_or_else(none)?.clone();
        let mut recipe = recipe(options)?;
        let (records, texts) = read(data, &form)?;
        let d = records.variables().len();
        let states = options.parsed("states")?.unwrap_or(64);
        let first = first(options, &form)?;
        let traits = Traits {
            ordered: form.ordered.clone(),
            image: form.image,
        };
        let quad = options.get("structure") == Some("quad");
        let tree = match (quad, traits.image) {
            (false, _) => hidden_chow_liu_after(&records, states, &first)?,
            (true, _) if !first.is_empty() => {
                return Err(Error::Usage("first needs the structure hclt".into()));
            }
            (true, None) => {
                let why = "a quad tree needs records that are images";
                return Err(Error::Usage(why.into()));
            }
            (true, Some([height, width, samples])) => quad_tree(height, width, samples, states)?,
        };
        let tree = with_bins(tree, &records, options.parsed("bins")?.unwrap_or(6))?;
        let resume = ctl.resume;
        let learnt = train(&records, tree, &traits, &recipe, resume, ctl)?;
        let stored = Stored {
            circuit: learnt.circuit,
            open: form.open.clone(),
            first: first.len(),
            texts: match texts.is_empty() {
                true => Vec::new(),
                false => Texts::count(texts.iter().map(Vec::as_slice)),
            },
        };
        recipe.smoothing = learnt.smoothing;
        let recipe = serde_json::to_string(&recipe);
        let recipe = recipe.map_err(|e| Error::Internal(format!("recipe: {e}").into()))?;
        let structure = if quad {
            "quad tree"
        } else {
            "hidden Chow-Liu tree"
        };
        let mut meta: BTreeMap<String, String> = form.metadata.into_iter().collect();
        meta.extend(
            [
                ("data", data.files().join(", ")),
                (
                    "licence",
                    options.get("licence").unwrap_or("unknown").into(),
                ),
                ("recipe", recipe),
                ("trained_on", format!("{} records", records.len())),
                ("seconds", format!("{:.0}", learnt.seconds)),
                ("epochs", learnt.epochs.to_string()),
                ("held_out_bits", format!("{:.5}", learnt.held_out_bits)),
                ("structure", structure.into()),
            ]
            .map(|(k, v)| (k.to_owned(), v)),
        );
        let model = stored.to_bytes(&meta)?;
        // What was learnt is of use only if it can be read again.
        let again = Model::from_bytes(model.clone(), &mut ctl.budget.apart());
        again
            .and_then(|model| crate::Family.open(Some(&model)))
            .map_err(|e| {
                let why = format!("the model that was learnt cannot be read again ({e}); fewer columns or other data may help");
                Error::Usage(why)
            })?;
        let record = learnt.held_out_bits * d as f64 / 8.0;
        Ok(Trained {
            summary: format!(
                "{} bytes, {:.4} bits per variable and {record:.2} bytes per record held out, {:.0} s",
                model.len(),
                learnt.held_out_bits,
                learnt.seconds
            ),
            facts: json!({
                "records": records.len(),
                "variables": d,
                "parameters": stored.circuit.parameters(),
                "bits_per_variable": learnt.bits,
                "held_out_bits_per_variable": learnt.held_out_bits,
                "epochs": learnt.epochs,
                "seconds": learnt.seconds,
            }),
            model,
        })
    }
}

fn recipe(options: &Options) -> Result<Recipe> {
    let mut recipe: Recipe = match options.get("recipe") {
        None => Recipe::default(),
        Some(text) => {
            serde_json::from_str(text).map_err(|e| Error::Usage(format!("not a recipe: {e}")))?
        }
    };
    recipe.seed = options.parsed("seed")?.unwrap_or(1);
    if options.get("epochs").is_some() && options.get("minutes").is_some() {
        return Err(Error::Usage("epochs or minutes, not both".into()));
    }
    if let Some(epochs) = options.parsed("epochs")? {
        recipe.epochs = epochs;
    }
    if let Some(minutes) = options.parsed("minutes")? {
        recipe.minutes = Some(minutes);
    }
    Ok(recipe)
}

/// Variables of the columns that are to come first.
fn first(options: &Options, form: &RecordsForm) -> Result<Vec<usize>> {
    let mut first = Vec::new();
    for name in options.list("first") {
        let column = form.columns.iter().find(|(n, _)| *n == name);
        let none = || Error::Usage(format!("no column {name}"));
        first.extend(column.ok_or_else(none)?.1.clone());
    }
    if !first.is_empty() && first.len() >= form.alphabets.len() {
        let why = "first must leave columns to come after";
        return Err(Error::Usage(why.into()));
    }
    Ok(first)
}

/// All records, and the texts in them.
fn read(data: &mut dyn Examples, form: &RecordsForm) -> Result<(Records, Vec<Vec<u8>>)> {
    let (mut values, mut texts) = (Vec::new(), Vec::new());
    while let Some(example) = data.next()? {
        let SignalBuf::Records(rows) = example.signal else {
            return Err(Error::Usage("records are what it learns from".into()));
        };
        values.extend(rows.values.iter());
        texts.extend(rows.texts.into_iter().map(|t| t.bytes));
    }
    let records = Records::new(form.alphabets.clone(), values)?;
    if records.is_empty() {
        return Err(Error::Usage("the files hold no records".into()));
    }
    Ok((records, texts))
}
