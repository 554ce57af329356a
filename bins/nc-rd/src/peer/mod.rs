//! `nc-rd peer`: ways in which people keep tables today that no program of its own offers. Plans call them
//! as commands, like any other codec.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Subcommand;

mod dictionary;
mod parquet;

/// A peer and what it does.
#[derive(Debug, Subcommand)]
pub enum PeerCommand {
    /// Learn a dictionary of zstd from a table's rows
    LearnDictionary {
        /// Bytes that it may have
        #[arg(long, value_name = "N")]
        size: usize,
        #[command(flatten)]
        files: Files,
    },
    /// Each row of a table a zstd frame of its own, readable alone, under a dictionary
    Dictionary {
        /// The dictionary
        #[arg(long, value_name = "FILE")]
        dictionary: PathBuf,
        /// Back to the table
        #[arg(short, long)]
        decode: bool,
        #[command(flatten)]
        files: Files,
    },
    /// A CSV file as Parquet with zstd, columns typed as their cells are: values come back, not bytes
    Parquet {
        /// Back to CSV
        #[arg(short, long)]
        decode: bool,
        #[command(flatten)]
        files: Files,
    },
}

/// What is read and written.
#[derive(Debug, clap::Args)]
pub struct Files {
    /// File to read
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// File to write
    #[arg(value_name = "OUT")]
    output: PathBuf,
}

/// Does it.
///
/// # Errors
/// I/O, what is no such file.
pub fn run(command: &PeerCommand) -> Result<()> {
    let read = |path: &Path| std::fs::read(path).with_context(|| path.display().to_string());
    let (files, bytes) = match command {
        PeerCommand::LearnDictionary { size, files } => {
            (files, dictionary::learn(&read(&files.input)?, *size)?)
        }
        PeerCommand::Dictionary {
            dictionary,
            decode,
            files,
        } => {
            let (dictionary, input) = (read(dictionary)?, read(&files.input)?);
            let bytes = match decode {
                true => dictionary::decode(&input, &dictionary)?,
                false => dictionary::encode(&input, &dictionary)?,
            };
            (files, bytes)
        }
        PeerCommand::Parquet { decode, files } => {
            let input = read(&files.input)?;
            let bytes = match decode {
                true => parquet::decode(&input)?,
                false => parquet::encode(&input)?,
            };
            (files, bytes)
        }
    };
    std::fs::write(&files.output, bytes).with_context(|| files.output.display().to_string())
}
