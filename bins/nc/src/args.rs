//! The command line: one definition of each flag.
//!
//! Help, man pages and shell completions are made from this definition, so that they cannot
//! disagree.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::failure::EXIT_CODES;

/// nc: learned codecs with honest files
///
/// Encodes audio to a few kbit/s with a neural codec, decodes it to the same samples on every
/// machine, and says by itself when a file is damaged. Video, images and records have codecs of their
/// own. The rate given is the rate of the whole file on disk.
#[derive(Parser)]
#[command(name = "nc", version, after_help = EXIT_CODES, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Flags of every command.
    #[command(flatten)]
    pub common: Common,
}

/// Flags of every command.
#[derive(Args, Clone)]
pub struct Common {
    /// Say nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Print a summary of each file as one line of JSON: on standard output, or on standard error
    /// where standard output carries the data
    #[arg(long, global = true)]
    pub json: bool,
    /// Threads, at most 1024; 0 means one per core
    #[arg(
        short = 'T',
        long,
        global = true,
        value_name = "N",
        default_value_t = 0,
        value_parser = parse_threads
    )]
    pub threads: usize,
    /// Memory that a file may claim, e.g. 512M or 4Gi: in encoding once for reading it, once for what waits to be coded and
    /// once for coding it; records to train on count together
    #[arg(short = 'M', long, global = true, value_name = "SIZE", default_value = "1Gi", value_parser = parse_size)]
    pub memory: u64,
}

/// The commands.
#[derive(Subcommand)]
pub enum Command {
    /// Encode files to .nc
    Encode(Encode),
    /// Decode .nc files
    Decode(Decode),
    /// Decode everything and compare the hashes that the files carry
    Test(Inputs),
    /// Tell what is in .nc files, without a model
    Info(Inputs),
    /// Lower the rate of an .nc file without decoding it
    Trim(Trim),
    /// Ask a circuit: how likely records are, what follows from what, samples, completions
    #[command(subcommand)]
    Query(Query),
    /// Look at model files
    #[command(subcommand)]
    Model(Model),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    #[cfg(feature = "man")]
    /// Print the man page, or write a page for each command into a folder
    Man {
        /// Folder for the pages
        #[arg(long, value_name = "DIR")]
        out_dir: Option<PathBuf>,
    },
}

/// Where results go.
#[derive(Args, Clone)]
pub struct Destination {
    /// Overwrite files that exist
    #[arg(short, long)]
    pub force: bool,
    /// Write into this folder; every path on the command line is an input then
    #[arg(long, value_name = "DIR")]
    pub out_dir: Option<PathBuf>,
    /// Go into folders; --out-dir gets the same tree
    #[arg(short, long, requires = "out_dir")]
    pub recursive: bool,
}

/// `nc encode`
#[derive(Args)]
#[command(
    override_usage = "nc encode [OPTIONS] IN OUT\n       nc encode [OPTIONS] --out-dir DIR IN..."
)]
pub struct Encode {
    /// Input and output, or inputs with --out-dir; - is standard input or output. Video comes as .y4m,
    /// a .png or a folder of PNGs, or as any file that ffmpeg reads, where that is installed
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// What to reach.
    #[command(flatten)]
    pub goal: GoalArgs,
    /// Get back the very input, of a codec that can; colours of PNGs to within two levels
    #[arg(long, group = "GoalArgs")]
    pub lossless: bool,
    /// Codec; by default that of the model given, or for audio the audio codec (grvq), for video and
    /// images the video codec (nerv); nothing else is guessed: `store` keeps any file as it is
    #[arg(long, value_name = "NAME")]
    pub codec: Option<String>,
    /// Model file; by default the one built in
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Frames per second of a folder of images, such as 25, 29.97 or 30000/1001; by default 24
    #[arg(long, value_name = "FPS", value_parser = parse_rate)]
    pub rate: Option<[u32; 2]>,
    /// Colour behind pictures that are not opaque: #RRGGBB, black or white; without one they are refused
    #[arg(long, value_name = "COLOUR", value_parser = parse_colour)]
    pub background: Option<[u8; 3]>,
    /// Leave out what the file says beside its signal: title, cue points, profiles
    #[arg(long)]
    pub no_metadata: bool,
    /// A file of sound for the pictures of the input, in the place of sound that it has
    #[arg(long, value_name = "FILE", conflicts_with = "out_dir")]
    pub sound: Option<PathBuf>,
    /// Work that a codec which learns while it encodes puts into a file
    #[arg(long, value_enum, default_value_t = Preset::Medium)]
    pub preset: Preset,
    /// Time that such a codec may take for a file, such as 90s, 10m or 1:30:00; it stops with the best
    /// it has
    #[arg(long, value_name = "TIME", value_parser = nc::media::range::duration)]
    pub time_limit: Option<Duration>,
    /// Folder where such a codec keeps its state, so that stopped work can go on
    #[arg(long, value_name = "DIR")]
    pub checkpoints: Option<PathBuf>,
    /// Go on from --checkpoints, where they are of the same work
    #[arg(long, requires = "checkpoints")]
    pub resume: bool,
    /// Option of the codec's own, as below, for scripts; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_option)]
    pub option: Vec<(String, String)>,
    /// Decode the result and compare it before it gets its name
    #[arg(long)]
    pub verify: bool,
    /// Fail where anything would be lost or is odd, instead of warning of it; nothing is written then
    #[arg(long)]
    pub strict: bool,
    /// Destination.
    #[command(flatten)]
    pub to: Destination,
}

/// Work that is put into a file.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Preset {
    /// A first look
    Fast,
    /// What most people want
    Medium,
    /// As good as the codec can
    Slow,
}

/// What an encoder is to reach.
#[derive(Args, Clone, Copy)]
#[group(multiple = false)]
pub struct GoalArgs {
    /// Rate of the whole file in kbit/s; the default for audio is 3 per channel
    #[arg(short = 'b', long, value_name = "KBPS", value_parser = parse_kbps)]
    pub bitrate: Option<u32>,
    /// Quality from 0 (smallest) to 10 (best), on the codec's own scale; the default for video is 5
    #[arg(long, value_name = "Q", value_parser = parse_quality)]
    pub quality: Option<f32>,
    /// Size of the whole file in bytes, e.g. 20000, 20k or 20Ki
    #[arg(long, value_name = "N", value_parser = parse_size)]
    pub bytes: Option<u64>,
}

/// `nc decode`
#[derive(Args)]
#[command(
    override_usage = "nc decode [OPTIONS] IN OUT\n       nc decode [OPTIONS] --out-dir DIR IN..."
)]
pub struct Decode {
    /// Input and output, or inputs with --out-dir; - is standard input or output. Video is written as
    /// .y4m, a .png of one frame, or a folder of PNGs where the name has no ending
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Decode a part only: 30s..40s, 1:30..1:40, or 480000.. in samples (of video, frames); either end
    /// may be left out
    #[arg(long, value_name = "FROM..TO", value_parser = nc::media::range::parse)]
    pub range: Option<nc::Range>,
    /// Of a file of several tracks, decode this one only: video, sound, or a number from 0. By default the
    /// sound of a clip is written beside its pictures, as .wav
    #[arg(long, value_name = "TRACK", value_parser = parse_track)]
    pub track: Option<nc::TrackChoice>,
    /// Of a table, decode these columns only, separated by commas
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Decode what is left of a damaged file, and tell what is lost. Silence, or the frame before, stands
    /// for lost sound and video; lost bytes and records are left out. Exit code 3 where anything is lost
    #[arg(long, conflicts_with_all = ["range", "only"])]
    pub recover: bool,
    /// Model file, where the file needs another one than those built in
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Fail where anything would be lost or is odd, instead of warning of it; nothing is written then
    #[arg(long)]
    pub strict: bool,
    /// Destination.
    #[command(flatten)]
    pub to: Destination,
}

/// Files to look at.
#[derive(Args)]
pub struct Inputs {
    /// Files; - is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Go into folders
    #[arg(short, long)]
    pub recursive: bool,
    /// Model file, where a file needs another one than those built in
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
}

/// `nc trim`
#[derive(Args)]
#[command(override_usage = "nc trim [OPTIONS] -b KBPS IN OUT")]
pub struct Trim {
    /// Input and output; - is standard input or output
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// What to reach.
    #[command(flatten)]
    pub goal: GoalArgs,
    /// Model file, where the file needs another one than those built in
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Destination.
    #[command(flatten)]
    pub to: Destination,
}

/// `nc model`
#[derive(Subcommand)]
pub enum Model {
    /// Tell what is in a model file
    Info(ModelInfo),
    /// List the models that are built in
    List,
}

/// `nc model info`
#[derive(Args)]
pub struct ModelInfo {
    /// The model file (.ncm)
    pub file: PathBuf,
    /// Records to measure the bits of each variable on, of a circuit
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// Write a PNG of samples, of a circuit over images
    #[arg(long, value_name = "PNG")]
    pub samples: Option<PathBuf>,
    /// Overwrite the PNG
    #[arg(short, long)]
    pub force: bool,
}

/// `nc query`: what a circuit answers exactly.
#[derive(Subcommand)]
pub enum Query {
    /// Bits of each record under the model, and of all; an empty or ? cell of a table counts as
    /// unknown and is summed over with --missing
    Likelihood(QueryRecords),
    /// Distribution of columns, given others
    Conditional {
        /// What every query names.
        #[command(flatten)]
        given: Given,
        /// Columns to tell of, separated by commas; all by default
        #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
        of: Vec<String>,
    },
    /// Draw records, given columns or not; written in the form the model was learnt from
    Sample {
        /// What every query names.
        #[command(flatten)]
        given: Given,
        /// How many
        #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
        count: usize,
        /// Seed
        #[arg(long, value_name = "N", default_value_t = 1)]
        seed: u64,
        /// Output; - is standard output
        output: PathBuf,
        /// Overwrite it
        #[arg(short, long)]
        force: bool,
    },
    /// Fill the unknown cells of records with their most likely completion
    Complete {
        /// What every query on records names.
        #[command(flatten)]
        records: QueryRecords,
        /// Output; - is standard output
        output: PathBuf,
        /// Overwrite it
        #[arg(short, long)]
        force: bool,
    },
}

/// A model and what is known.
#[derive(Args)]
pub struct Given {
    /// Model file
    #[arg(long, value_name = "FILE")]
    pub model: PathBuf,
    /// What is known, as COLUMN=VALUE; may be repeated
    #[arg(long, value_name = "COLUMN=VALUE")]
    pub given: Vec<String>,
}

/// A model and records.
#[derive(Args)]
pub struct QueryRecords {
    /// Model file
    #[arg(long, value_name = "FILE")]
    pub model: PathBuf,
    /// Cells with this text are unknown, such as ? or NA
    #[arg(long, value_name = "TEXT")]
    pub missing: Option<String>,
    /// Records in the form that the model was learnt from
    pub input: PathBuf,
}

/// As many as no machine has use for are a mistake, and take a while to start.
fn parse_threads(s: &str) -> Result<usize, String> {
    match s.parse() {
        Ok(n) if n <= 1024 => Ok(n),
        _ => Err("expected a number of threads, at most 1024".to_string()),
    }
}

/// Bytes, with an optional k, M, G or T (powers of 1000), or Ki, Mi, Gi or Ti (powers of 1024).
fn parse_size(s: &str) -> Result<u64, String> {
    let s = s.trim().trim_end_matches(['B', 'b']);
    let (s, base) = match s.strip_suffix('i') {
        Some(s) => (s, 1024u64),
        None => (s, 1000),
    };
    let (digits, power) = match s.strip_suffix(|c: char| c.is_ascii_alphabetic()) {
        None if base == 1000 => (s, 0),
        None => return Err("expected a number of bytes, such as 20k or 20Ki".into()),
        Some(digits) => {
            let unit = s.chars().last().map(|c| c.to_ascii_lowercase());
            let power = "kmgt".chars().position(|u| Some(u) == unit);
            let power = power.ok_or("expected k, M, G or T behind the number")?;
            (digits, power as u32 + 1)
        }
    };
    let n: u64 = digits
        .trim()
        .parse()
        .map_err(|_| "expected a number of bytes, such as 512M".to_string())?;
    base.checked_pow(power)
        .and_then(|unit| n.checked_mul(unit))
        .ok_or_else(|| "too large".to_string())
}

/// kbit/s to bit/s.
fn parse_kbps(s: &str) -> Result<u32, String> {
    let s = s.trim().trim_end_matches(['k', 'K']);
    let kbps: f64 = s
        .parse()
        .map_err(|_| "expected kbit/s, such as 3 or 1.5".to_string())?;
    let bps = (kbps * 1000.0).round();
    if (1.0..=4e9).contains(&bps) {
        Ok(bps as u32)
    } else {
        Err("expected kbit/s above 0".to_string())
    }
}

/// Frames per second as a fraction: `25`, `29.97`, `30000/1001`.
fn parse_colour(s: &str) -> Result<[u8; 3], String> {
    let wrong = || format!("{s:?} is no colour: give #RRGGBB, black or white");
    match s {
        "black" => Ok([0; 3]),
        "white" => Ok([255; 3]),
        _ => {
            let digits = s
                .strip_prefix('#')
                .filter(|d| d.len() == 6)
                .ok_or_else(wrong)?;
            let value = u32::from_str_radix(digits, 16).map_err(|_| wrong())?;
            let [_, r, g, b] = value.to_be_bytes();
            Ok([r, g, b])
        }
    }
}

fn parse_track(s: &str) -> Result<nc::TrackChoice, String> {
    s.parse().map_err(|e: nc::Error| e.to_string())
}

fn parse_rate(s: &str) -> Result<[u32; 2], String> {
    let wrong = || "expected frames per second, such as 25, 29.97 or 30000/1001".to_string();
    let number = |s: &str| s.trim().parse::<u32>().map_err(|_| wrong());
    let rate = if let Some((n, d)) = s.split_once(['/', ':']) {
        [number(n)?, number(d)?]
    } else if let Some((whole, part)) = s.split_once('.') {
        let digits = u32::try_from(part.len()).map_err(|_| wrong())?;
        let scale = 10u32.checked_pow(digits).ok_or_else(wrong)?;
        let whole = number(whole)?.checked_mul(scale).ok_or_else(wrong)?;
        let sum = whole.checked_add(number(part)?).ok_or_else(wrong)?;
        [sum, scale]
    } else {
        [number(s)?, 1]
    };
    if rate.contains(&0) {
        return Err(wrong());
    }
    Ok(rate)
}

fn parse_option(s: &str) -> Result<(String, String), String> {
    match s.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_string(), value.to_string()))
        }
        _ => Err("expected KEY=VALUE".to_string()),
    }
}

fn parse_quality(s: &str) -> Result<f32, String> {
    match s.parse::<f32>() {
        Ok(q) if (0.0..=10.0).contains(&q) => Ok(q),
        _ => Err("expected a number from 0 to 10".to_string()),
    }
}
