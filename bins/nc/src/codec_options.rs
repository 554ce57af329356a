//! Flags that are made from the options that codecs and trainers declare, so that nobody writes them twice.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory};
use nc::nc_core::{CodecOption, OptionValue};
use nc::{Options, Registry};

use crate::args::Cli;
use crate::failure::{Failure, Result};

/// The definition of the command line, with what the codecs of a registry add to it.
pub fn command(registry: &Registry) -> Command {
    let mut command = Cli::command();
    // A name that a flag has already is reached by --option.
    let encode = command.find_subcommand("encode");
    let taken = encode
        .into_iter()
        .chain([&command])
        .flat_map(Command::get_arguments);
    let mut seen: BTreeSet<String> = taken.map(|a| a.get_id().to_string()).collect();
    let mut flags = Vec::new();
    for family in registry.families() {
        let info = family.info();
        for option in info.options.iter().filter(|o| seen.insert(o.name.into())) {
            flags.push(arg(option).help_heading(format!("Options of {}", info.name)));
        }
    }
    command = command.mut_subcommand("encode", |c| c.args(flags));
    let mut train = Command::new("train")
        .about("Train a codec's model on data of your own")
        .subcommand_required(true)
        .arg_required_else_help(true);
    let mut any = false;
    for family in registry.families() {
        let Some(trainer) = family.trainer() else {
            continue;
        };
        any = true;
        let flags = trainer.options().iter().map(arg);
        train = train.subcommand(
            Command::new(family.info().name)
                .about(trainer.about())
                .args(data_flags())
                .args(flags),
        );
    }
    if any {
        command = command.subcommand(train);
    }
    command
}

/// What every training takes.
fn data_flags() -> Vec<Arg> {
    let path = || clap::value_parser!(PathBuf);
    vec![
        Arg::new("data")
            .long("data")
            .help("Files of records of one kind, or folders of recordings that are searched through")
            .required(true)
            .num_args(1..)
            .value_name("PATH")
            .value_parser(path()),
        Arg::new("output")
            .short('o')
            .long("output")
            .help("Model file to write (.ncm)")
            .required(true)
            .value_name("FILE")
            .value_parser(path()),
        Arg::new("hold-out")
            .long("hold-out")
            .help("File with a path prefix per line, relative to its --data folder: recordings under it are kept from training and used for validation")
            .value_name("FILE")
            .value_parser(path()),
        Arg::new("record-length")
            .long("record-length")
            .help("Bytes of a record, for files that do not say")
            .value_name("N")
            .value_parser(clap::value_parser!(usize)),
        Arg::new("missing")
            .long("missing")
            .help("Cells of tables with this text are unknown, such as ? or NA: they are summed out")
            .value_name("TEXT"),
        Arg::new("no-header")
            .long("no-header")
            .help("The first line of tables is a row; columns are named by their numbers, from 1")
            .action(ArgAction::SetTrue),
        Arg::new("delimiter")
            .long("delimiter")
            .help("Character between the cells of tables, or tab or space; guessed from the header by default")
            .value_name("CHAR")
            .value_parser(character),
        Arg::new("quote")
            .long("quote")
            .help("Character that quotes cells of tables, \" by default, or none where all characters mean themselves")
            .value_name("CHAR")
            .value_parser(quote),
        Arg::new("comment")
            .long("comment")
            .help("Lines of tables that begin with this text are no rows; they come back as they are")
            .value_name("TEXT"),
        Arg::new("log")
            .long("log")
            .help("Each line is a row, as in log files: words are columns, and the last takes the rest of the line")
            .action(ArgAction::SetTrue),
        Arg::new("checkpoints")
            .long("checkpoints")
            .help("Folder for checkpoints; by default beside the output")
            .value_name("DIR")
            .value_parser(path()),
        Arg::new("resume")
            .long("resume")
            .help("Go on where a stopped run with the same settings and data left off")
            .action(ArgAction::SetTrue),
        Arg::new("force")
            .short('f')
            .long("force")
            .help("Overwrite the output")
            .action(ArgAction::SetTrue),
    ]
}

fn arg(option: &CodecOption) -> Arg {
    let arg = Arg::new(option.name).long(option.name).help(option.help);
    match option.value {
        OptionValue::Switch => arg
            .value_name("on|off")
            .value_parser(PossibleValuesParser::new(["on", "off"])),
        OptionValue::Choice(words) => arg
            .value_name("WORD")
            .value_parser(PossibleValuesParser::new(words.iter().copied())),
        OptionValue::Whole(..) => arg.value_name("N"),
        OptionValue::Number => arg.value_name("X"),
        OptionValue::List => arg.value_name("A,B"),
        OptionValue::File => arg.value_name("FILE"),
        _ => arg.value_name("TEXT"),
    }
}

/// The options of encoding that were given, as flags and by `--option`.
pub fn given(registry: &Registry, matches: &ArgMatches, pairs: &[(String, String)]) -> Options {
    let mut options = Options::new();
    for option in registry.families().flat_map(|f| f.info().options) {
        if let Some(value) = matches.get_one::<String>(option.name) {
            options.set(option.name, value);
        }
    }
    for (name, value) in pairs {
        options.set(name, value);
    }
    options
}

/// The options of a trainer that were given; of those that name a file its text.
///
/// # Errors
/// I/O, and for files of other than text.
pub fn of_trainer(known: &[CodecOption], matches: &ArgMatches) -> Result<Options> {
    let mut options = Options::new();
    for option in known {
        let Some(value) = matches.get_one::<String>(option.name) else {
            continue;
        };
        match option.value {
            OptionValue::File => options.set(option.name, text(value.as_ref())?),
            _ => options.set(option.name, value),
        }
    }
    Ok(options)
}

/// A file's text.
///
/// # Errors
/// I/O, and for other than text.
pub fn text(path: &std::path::Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::InvalidData => Failure::usage(e.to_string()).on(path),
        _ => Failure::from(e).on(path),
    })
}

/// A character of one byte, by itself or by its name.
fn character(words: &str) -> std::result::Result<u8, String> {
    match words {
        "tab" | "\\t" => Ok(b'\t'),
        "space" => Ok(b' '),
        _ => match words.as_bytes() {
            [b] if b.is_ascii() && !b.is_ascii_control() || *b == b'\t' => Ok(*b),
            _ => Err("one character, or tab or space".into()),
        },
    }
}

/// The same, or none.
fn quote(words: &str) -> std::result::Result<Option<u8>, String> {
    match words {
        "none" => Ok(None),
        _ => character(words).map(Some),
    }
}
