//! Options that a codec has for itself, with their help text: the command line and the bindings are made from these.

use std::collections::BTreeMap;

use crate::{Error, Result};

/// One option of a codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodecOption {
    /// Name, lower case, words joined by hyphens.
    pub name: &'static str,
    /// One line of what it does, its default included.
    pub help: &'static str,
    /// What it takes.
    pub value: OptionValue,
}

/// What an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptionValue {
    /// `on` or `off`.
    Switch,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A whole number from the first to the second.
    Whole(u64, u64),
    /// A number.
    Number,
    /// Any text.
    Text,
    /// Texts separated by commas.
    List,
    /// The path of a file that holds a text; the option's value is that text.
    File,
}

impl CodecOption {
    /// Nothing, where this is a value that the option takes.
    ///
    /// # Errors
    /// [`Error::Usage`] that says what it takes.
    pub fn check(&self, value: &str) -> Result<()> {
        let wrong = |takes: String| {
            let name = self.name;
            Err(Error::Usage(format!("{name} is {takes}, not {value}")))
        };
        match self.value {
            OptionValue::Switch if value != "on" && value != "off" => wrong("on or off".into()),
            OptionValue::Choice(words) if !words.contains(&value) => {
                wrong(format!("one of {}", words.join(", ")))
            }
            OptionValue::Whole(from, to)
                if !value.parse().is_ok_and(|n| (from..=to).contains(&n)) =>
            {
                wrong(format!("a whole number from {from} to {to}"))
            }
            OptionValue::Number if !value.parse().is_ok_and(f64::is_finite) => {
                wrong("a number".into())
            }
            _ => Ok(()),
        }
    }
}

/// Options that were given, by name. What is read of them has been checked against the codec's list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options(BTreeMap<String, String>);

impl Options {
    /// None.
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Sets one; the last value holds.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    /// The value given.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(k, v)| (k.as_str(), v.as_str()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A switch.
    ///
    /// # Errors
    /// [`Error::Usage`] where it is neither on nor off.
    pub fn switch(&self, name: &str, default: bool) -> Result<bool> {
        match self.get(name) {
            None => Ok(default),
            Some("on") => Ok(true),
            Some("off") => Ok(false),
            Some(other) => Err(Error::Usage(format!("{name} is on or off, not {other}"))),
        }
    }

    /// A number, or anything else that is read from a word.
    ///
    /// # Errors
    /// [`Error::Usage`] where it does not read.
    pub fn parsed<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let wrong = || Error::Usage(format!("{name} cannot be {value}"));
        value.parse().map(Some).map_err(|_| wrong())
    }

    /// A list of words.
    pub fn list(&self, name: &str) -> Vec<String> {
        let words = self.get(name).into_iter().flat_map(|v| v.split(','));
        words
            .map(str::trim)
            .filter(|w| !w.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// Nothing, where all are among `known` and have values that these take.
    ///
    /// # Errors
    /// [`Error::Usage`] with the first that is not.
    pub fn check(&self, whose: &str, known: &[CodecOption]) -> Result<()> {
        for (name, value) in self.iter() {
            let Some(option) = known.iter().find(|o| o.name == name) else {
                let names: Vec<_> = known.iter().map(|o| o.name).collect();
                let there = match names.is_empty() {
                    true => "nor any other".to_owned(),
                    false => format!("; there are {}", names.join(", ")),
                };
                let comma = if names.is_empty() { ", " } else { "" };
                return Err(Error::Usage(format!(
                    "{whose} has no option {name}{comma}{there}"
                )));
            };
            option.check(value)?;
        }
        Ok(())
    }
}
