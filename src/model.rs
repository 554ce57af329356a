//! Models: what is in them, and questions to those that answer any.

use std::path::Path;

use nc_core::family::Questions;
use nc_core::rng::Rng;
use nc_core::{Control, Error, Model, RecordsBuf, Result, Signal, Text, Threads};
use nc_media::records::{Image, Reader, Schema, Source as RecordsSource, rows_at_once};
use nc_media::{CreateOptions, Written};
use ndarray::Array2;
use rayon::prelude::*;
use serde_json::Value;

use crate::{Target, Toolkit};

/// Rows that are asked about at once.
const BLOCK: usize = 4096;

/// A model over records that answers questions, and what its records mean.
pub struct Oracle {
    questions: Box<dyn Questions>,
    schema: Schema,
    threads: Threads,
}

/// Probabilities of the values of a column, the likeliest first.
#[derive(Debug, Clone)]
pub struct Distribution {
    /// The column.
    pub column: String,
    /// Values as the table has them, and how likely each is.
    pub values: Vec<(String, f64)>,
}

/// What coding records costs.
#[derive(Debug, Clone)]
pub struct Cost {
    /// Mean bits of each variable, by name.
    pub bits: Vec<(String, f64)>,
    /// Mean multiply-adds of a record.
    pub multiply_adds: f64,
}

impl Toolkit {
    /// A model that answers questions.
    ///
    /// # Errors
    /// [`Error::Model`] where it is damaged or answers none.
    pub fn oracle(&self, model: &Model) -> Result<Oracle> {
        let none = || Error::Model("a model that answers no questions".into());
        let family = self.registry().of_model(model)?;
        let questions = self.threads().run(|| family.questions(model))??;
        let questions = questions.ok_or_else(none)?;
        let schema = Self::schema(model)?;
        if schema.alphabets() != questions.alphabets() {
            return Err(Error::Model(
                "a model and records of different variables".into(),
            ));
        }
        Ok(Oracle {
            questions,
            schema,
            threads: self.threads().clone(),
        })
    }
}

impl Oracle {
    /// What the records mean.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// How the model is built: an object.
    pub fn structure(&self) -> Value {
        self.questions.structure()
    }

    /// Variables of a record.
    pub fn variables(&self) -> usize {
        self.questions.alphabets().len()
    }

    /// The records of a file; cells with the text `missing` are unknown.
    ///
    /// # Errors
    /// Those of reading it.
    pub fn records(
        &self,
        source: RecordsSource,
        missing: Option<&str>,
        budget: nc_core::Budget,
    ) -> Result<Box<dyn Reader>> {
        self.schema.reader(source, missing, budget)
    }

    /// A record of what is known, as column and value.
    ///
    /// # Errors
    /// [`Error::Usage`] for a column or value that there is not.
    pub fn given(&self, known: &[(String, String)]) -> Result<Vec<u16>> {
        // Past the alphabet is unknown. A variable of all 65,536 values cannot be; its last stands for it.
        let mark = |n: &u32| u16::try_from(*n).unwrap_or(u16::MAX);
        let mut record: Vec<u16> = self.questions.alphabets().iter().map(mark).collect();
        for (name, value) in known {
            let (at, its) = self.schema.column(name)?;
            let none = || Error::Internal("a column without variables".into());
            let its = record.get_mut(its).ok_or_else(none)?;
            match self.schema.columns().and_then(|c| c.get(at)) {
                // A cell that the model does not know is evidence too: that it is another.
                Some(column) => drop(column.encode(value.as_bytes(), its)),
                None => {
                    let wrong = || Error::Usage(format!("{value:?} is no byte"));
                    let byte: u8 = value.parse().map_err(|_| wrong())?;
                    its.fill(byte.into());
                }
            }
        }
        Ok(record)
    }

    /// Bits of each record of a block, unknown values summed over.
    ///
    /// # Errors
    /// [`Error::Limit`] where no threads can be started.
    pub fn bits(&self, rows: &RecordsBuf) -> Result<Vec<f64>> {
        let rows = rows_of(rows);
        self.threads
            .run(|| rows.par_iter().map(|r| self.questions.bits(r)).collect())
    }

    /// Distributions of columns, given what is known; of all with none named.
    ///
    /// # Errors
    /// [`Error::Usage`] for a column that there is not.
    pub fn conditionals(&self, given: &[u16], of: &[String]) -> Result<Vec<Distribution>> {
        let columns: Vec<(String, usize)> = if of.is_empty() {
            match self.schema.columns() {
                Some(columns) => {
                    let one = |c: &nc_media::records::Column| {
                        let name = c.name().to_owned();
                        Ok((name.clone(), self.schema.column(&name)?.1.start))
                    };
                    columns.iter().map(one).collect::<Result<_>>()?
                }
                None => self.schema.names().into_iter().zip(0..).collect(),
            }
        } else {
            let one = |n: &String| Ok((n.clone(), self.schema.column(n)?.1.start));
            of.iter().map(one).collect::<Result<_>>()?
        };
        let variables: Vec<usize> = columns.iter().map(|(_, v)| *v).collect();
        let all = self.questions.conditionals(given, &variables);
        let told = columns.into_iter().zip(all).map(|((column, _), p)| {
            let its = self.schema.columns();
            let its = its.and_then(|c| c.iter().find(|c| c.name() == column));
            let label = |n: usize| its.map_or_else(|| n.to_string(), |c| c.label(n as u16));
            let mut values: Vec<(usize, f64)> = p.into_iter().enumerate().collect();
            values.sort_by(|a, b| b.1.total_cmp(&a.1));
            let values = values.into_iter().map(|(n, p)| (label(n), p)).collect();
            Distribution { column, values }
        });
        Ok(told.collect())
    }

    /// Draws records, given what is known.
    ///
    /// # Errors
    /// [`Error::Limit`] for too many, [`Error::Usage`] where what is given asks for texts that the model does not hold.
    pub fn sample(
        &self,
        given: &[u16],
        count: usize,
        seed: u64,
        budget: &mut nc_core::Budget,
    ) -> Result<RecordsBuf> {
        // As rows of their own and as all of them.
        let row = given.len() as u64 * 4 + 24;
        budget.charge((count as u64).saturating_mul(row))?;
        let mut rng = Rng::new(seed);
        let rows = (0..count).map(|_| {
            // A model knows that other texts occur, but not which: such a row is drawn again.
            let mut draws = (0..DRAWS).map(|_| self.questions.sample(given, &mut rng));
            draws.find(|row| self.is_whole(row)).ok_or_else(|| {
                let why = "what is given asks for texts that the model does not hold";
                Error::Usage(why.into())
            })
        });
        self.records_of(rows.collect::<Result<_>>()?, Vec::new())
    }

    /// Whether each column of a row is a cell by itself, without a text beside it.
    fn is_whole(&self, row: &[u16]) -> bool {
        let mut rest = row;
        self.schema.columns().unwrap_or_default().iter().all(|c| {
            let values = rest.split_at_checked(c.alphabets().len());
            values.is_some_and(|(values, behind)| {
                rest = behind;
                matches!(c.decode(values, &mut Vec::new()), Ok(true))
            })
        })
    }

    /// The records with their unknown values as they are likeliest.
    ///
    /// # Errors
    /// [`Error::Limit`] where no threads can be started.
    pub fn complete(&self, rows: RecordsBuf) -> Result<RecordsBuf> {
        let known = rows_of(&rows);
        let complete = |r: &Vec<u16>| self.questions.complete(r);
        let each: Vec<Vec<u16>> =
            (self.threads).run(|| known.par_iter().map(complete).collect())?;
        self.records_of(each, rows.texts)
    }

    /// Mean cost of the records that a reader gives.
    ///
    /// # Errors
    /// Those of reading and coding.
    pub fn cost(&self, reader: &mut dyn Reader, ctl: &Control<'_>) -> Result<Cost> {
        let names = self.schema.names();
        let mut bits = vec![0.0; names.len()];
        let (mut n, mut multiply_adds) = (0usize, 0u64);
        while let Some(rows) = reader.next(rows_at_once(&self.schema))? {
            ctl.check()?;
            let (more, adds) = self.threads.run(|| self.questions.cost(rows.view()))??;
            bits.iter_mut().zip(more).for_each(|(a, b)| *a += b);
            multiply_adds += adds;
            n += rows.values.nrows();
        }
        let n = n.max(1) as f64;
        Ok(Cost {
            bits: names
                .into_iter()
                .zip(bits.into_iter().map(|b| b / n))
                .collect(),
            multiply_adds: multiply_adds as f64 / n,
        })
    }

    /// The next rows of a reader, few enough for questions; none at the end.
    ///
    /// # Errors
    /// Those of reading.
    pub fn next(&self, reader: &mut dyn Reader) -> Result<Option<RecordsBuf>> {
        reader.next(rows_at_once(&self.schema).min(BLOCK))
    }

    /// Writes records in the form that the model was learnt from.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write(
        &self,
        toolkit: &Toolkit,
        rows: &[RecordsBuf],
        extras: Vec<u8>,
        to: Target<'_>,
        overwrite: bool,
    ) -> Result<Written> {
        let n: u64 = rows.iter().map(|r| r.values.nrows() as u64).sum();
        let metadata: Vec<_> = nc_media::metadata::of_records(extras).into_iter().collect();
        let options = CreateOptions::new()
            .budget(toolkit.budget())
            .overwrite(overwrite)
            .units(n)
            .metadata(&metadata)
            .schema(self.schema.clone());
        let variables = self.variables() as u32;
        let format = nc_core::Format::Records(nc_core::RecordsFormat { variables });
        let mut writer = match to {
            Target::Path(path) => nc_media::create(path, &format, options)?,
            Target::Stream(w) => nc_media::create_stream(w, "-", &format, options)?,
            Target::Nothing => nc_media::create_stream(std::io::sink(), "-", &format, options)?,
        };
        for rows in rows {
            writer.write(Signal::Records(rows.view()))?;
        }
        writer.finish()
    }

    /// Ten by ten samples as the pixels of one picture, and its form.
    ///
    /// # Errors
    /// [`Error::Usage`] where the records are no images.
    pub fn sheet(&self, seed: u64) -> Result<(Image, Vec<u8>)> {
        const SIDE: u32 = 10;
        let none = || Error::Usage("the model's records are no images".into());
        let image = self.schema.image().ok_or_else(none)?;
        let mut rng = Rng::new(seed);
        let unknown = self.given(&[])?;
        let line = image.width as usize * usize::from(image.channels);
        let mut sheet = Vec::new();
        for _ in 0..SIDE {
            let rows = (0..SIDE).map(|_| self.questions.sample(&unknown, &mut rng));
            let rows: Vec<Vec<u16>> = rows.collect();
            for l in 0..image.height as usize {
                let lines = rows.iter().flat_map(|r| r.chunks_exact(line).nth(l));
                sheet.extend(lines.flatten().map(|s| *s as u8));
            }
        }
        let whole = Image {
            width: image.width * SIDE,
            height: image.height * SIDE,
            ..image
        };
        Ok((whole, sheet))
    }

    fn records_of(&self, rows: Vec<Vec<u16>>, texts: Vec<Text>) -> Result<RecordsBuf> {
        let shape = (rows.len(), self.variables());
        let values = Array2::from_shape_vec(shape, rows.concat());
        let values =
            values.map_err(|e| Error::Internal(format!("records of a model: {e}").into()))?;
        Ok(RecordsBuf { values, texts })
    }
}

/// Draws of a row until one is whole.
const DRAWS: usize = 1000;

fn rows_of(rows: &RecordsBuf) -> Vec<Vec<u16>> {
    rows.values.rows().into_iter().map(|r| r.to_vec()).collect()
}

impl Toolkit {
    /// Opens files of records for a model: a file, a folder, or a stream.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Usage`] for an nc file.
    pub fn records_source(path: &Path) -> Result<RecordsSource> {
        if nc_media::formats::of_file(path) == Some(&nc_media::formats::NC) {
            return Err(Error::Usage("it is an nc file already".into()));
        }
        RecordsSource::open(path)
    }
}
