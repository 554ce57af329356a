//! The schema of a Parquet file as a model or an nc file keeps it.
//!
//! Names may hold any character, and Parquet's own notation has no quotes: so the notation is kept with names `n0`, `n1`..
//! in the order in which it says them, and the names are kept beside it.

use std::sync::Arc;

use ::parquet::basic::{ConvertedType, LogicalType, Repetition, Type as Physical};
use ::parquet::schema::parser::parse_message_type;
use ::parquet::schema::printer::print_schema;
use ::parquet::schema::types::{SchemaDescriptor, Type, TypePtr};
use nc_core::{Error, Result};
use serde::{Deserialize, Serialize};

use super::damaged;

/// Deepest nesting that is taken.
const DEEP: usize = 32;

/// A schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// In Parquet's notation.
    message: String,
    /// Its names; none where they stand in the notation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    names: Option<Vec<String>>,
}

fn wrong(e: impl std::fmt::Display) -> Error {
    Error::Model(format!("Parquet: {e}").into())
}

/// The same type with other names, which `name` gives in the order of the notation.
fn renamed(of: &Type, name: &mut dyn FnMut(&str) -> Option<String>) -> Result<Type> {
    let own = name(of.name()).ok_or_else(|| wrong("a schema of fewer names"))?;
    let info = of.get_basic_info();
    let id = info.has_id().then(|| info.id());
    match of {
        Type::PrimitiveType {
            physical_type,
            type_length,
            scale,
            precision,
            ..
        } => Type::primitive_type_builder(&own, *physical_type)
            .with_repetition(info.repetition())
            .with_converted_type(info.converted_type())
            .with_logical_type(info.logical_type_ref().cloned())
            .with_length(*type_length)
            .with_precision(*precision)
            .with_scale(*scale)
            .with_id(id)
            .build()
            .map_err(wrong),
        Type::GroupType { fields, .. } => {
            let fields = fields.iter().map(|f| Ok(Arc::new(renamed(f, name)?)));
            let builder = Type::group_type_builder(&own)
                .with_fields(fields.collect::<Result<Vec<_>>>()?)
                .with_converted_type(info.converted_type())
                .with_logical_type(info.logical_type_ref().cloned())
                .with_id(id);
            let builder = match info.has_repetition() {
                true => builder.with_repetition(info.repetition()),
                false => builder,
            };
            builder.build().map_err(wrong)
        }
    }
}

/// What a leaf is: columns are the same where this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Its name, with those of the groups that it is in before it.
    pub path: Vec<String>,
    /// What tells it apart from others of the name.
    kind: String,
    /// What is said of missing values, in words.
    repetition: &'static str,
    /// Levels of what may be missing, and of what may be repeated.
    pub levels: [i16; 2],
}

impl Leaf {
    /// Its name in messages and models.
    pub fn name(&self) -> String {
        self.path.join(".")
    }

    /// Whether values of this leaf are those of another of the same path: rows with and without missing ones have the same
    /// cells where values lie alike.
    pub fn is_as(&self, other: &Self) -> bool {
        let lie_alike = self.levels == other.levels || (self.is_flat() && other.is_flat());
        self.path == other.path && self.kind == other.kind && lie_alike
    }

    /// Whether it is a column of its own, of one value a row.
    pub fn is_flat(&self) -> bool {
        self.path.len() == 1 && self.levels[1] == 0
    }

    /// What it holds, in words.
    pub fn kind(&self) -> String {
        format!("{}{}", self.kind, self.repetition)
    }
}

/// What values mean, whether old or new annotations say it.
fn meaning(logical: Option<&LogicalType>, converted: ConvertedType) -> String {
    let whole = |bits: u8, signed: bool| match (bits, signed) {
        // What a number is that nothing is said of.
        (32 | 64, true) => String::new(),
        _ => format!("{}int{bits}", if signed { "" } else { "u" }),
    };
    match (logical, converted) {
        (
            Some(LogicalType::Integer {
                bit_width,
                is_signed,
            }),
            _,
        ) => whole(*bit_width as u8, *is_signed),
        (Some(LogicalType::String), _) | (None, ConvertedType::UTF8) => "text".into(),
        (None, ConvertedType::INT_8) => whole(8, true),
        (None, ConvertedType::INT_16) => whole(16, true),
        (None, ConvertedType::INT_32) => whole(32, true),
        (None, ConvertedType::INT_64) => whole(64, true),
        (None, ConvertedType::UINT_8) => whole(8, false),
        (None, ConvertedType::UINT_16) => whole(16, false),
        (None, ConvertedType::UINT_32) => whole(32, false),
        (None, ConvertedType::UINT_64) => whole(64, false),
        (None, ConvertedType::DATE) | (Some(LogicalType::Date), _) => "date".into(),
        (None, ConvertedType::DECIMAL) => "decimal".into(),
        (Some(LogicalType::Decimal { .. }), _) => "decimal".into(),
        (None, ConvertedType::NONE) => String::new(),
        (None, other) => other.to_string(),
        (Some(other), _) => format!("{other:?}"),
    }
}

impl Shape {
    /// Of a file.
    ///
    /// # Errors
    /// [`Error::Format`] for a schema that is none, [`Error::Usage`] for one that is nested too deeply.
    pub fn of(schema: &Type) -> Result<Self> {
        let mut names = Vec::new();
        let plain = renamed(schema, &mut |name| {
            names.push(name.to_owned());
            Some(format!("n{}", names.len() - 1))
        })?;
        let mut out = Vec::new();
        print_schema(&mut out, &plain);
        let shape = Self {
            message: String::from_utf8(out).map_err(damaged)?,
            names: Some(names),
        };
        match shape.is_sound() {
            true => Ok(shape),
            false => Err(super::usage("columns nested too deeply")),
        }
    }

    /// Whether it may be one: what parses it goes as deep as its braces.
    pub fn is_sound(&self) -> bool {
        let mut depth = 0usize;
        self.message.bytes().all(|b| {
            match b {
                b'{' => depth += 1,
                b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth <= DEEP
        })
    }

    /// As the crate has it.
    ///
    /// # Errors
    /// [`Error::Model`] where it is none.
    pub fn schema(&self) -> Result<TypePtr> {
        if !self.is_sound() {
            return Err(wrong("columns nested too deeply"));
        }
        let parsed = parse_message_type(&self.message).map_err(wrong)?;
        let Some(names) = &self.names else {
            return Ok(Arc::new(parsed));
        };
        let mut next = names.iter();
        let whole = renamed(&parsed, &mut |_| next.next().cloned())?;
        match next.next() {
            None => Ok(Arc::new(whole)),
            Some(_) => Err(wrong("a schema of more names")),
        }
    }
}

/// The leaves of a schema.
pub fn leaves(schema: &SchemaDescriptor) -> Vec<Leaf> {
    let leaf = |i: usize| {
        let c = schema.column(i);
        let kind = meaning(c.logical_type_ref(), c.converted_type());
        let physical = match c.physical_type() {
            Physical::FIXED_LEN_BYTE_ARRAY => format!("{} bytes", c.type_length()),
            other => other.to_string(),
        };
        let scale = match c.type_precision() {
            n if n > 0 => format!(" ({n}, {})", c.type_scale()),
            _ => String::new(),
        };
        let optional = match c.self_type().get_basic_info().repetition() {
            Repetition::OPTIONAL => "",
            Repetition::REQUIRED => " never missing",
            Repetition::REPEATED => " repeated",
        };
        Leaf {
            path: c.path().parts().to_vec(),
            repetition: optional,
            kind: format!("{physical} {kind}{scale}")
                .trim()
                .replace("  ", " "),
            levels: [c.max_def_level(), c.max_rep_level()],
        }
    };
    (0..schema.num_columns()).map(leaf).collect()
}

/// The schema with these leaves alone, by their numbers; none where nothing is left.
pub fn pruned(of: &Type, wanted: &[usize], next: &mut usize) -> Result<Option<Type>> {
    match of {
        Type::PrimitiveType { .. } => {
            let here = *next;
            *next += 1;
            Ok(wanted.contains(&here).then(|| of.clone()))
        }
        Type::GroupType { fields, .. } => {
            let mut left = Vec::new();
            for field in fields {
                left.extend(pruned(field, wanted, next)?.map(Arc::new));
            }
            if left.is_empty() {
                return Ok(None);
            }
            let info = of.get_basic_info();
            let builder = Type::group_type_builder(of.name())
                .with_fields(left)
                .with_converted_type(info.converted_type())
                .with_logical_type(info.logical_type_ref().cloned());
            let builder = match info.has_repetition() {
                true => builder.with_repetition(info.repetition()),
                false => builder,
            };
            builder.build().map(Some).map_err(wrong)
        }
    }
}
