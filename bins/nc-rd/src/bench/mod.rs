//! Runs of plans: inputs x codecs x settings, each codec a few lines of TOML, and what is made of them.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `plan.rs`, `codec.rs`, `peers.toml` | what is asked for: data sets, codecs as commands |
//! | `programs.rs` | the programs of a codec: where they are, their versions |
//! | `input.rs`, `exec.rs`, `judge.rs` | forms of inputs; a command with its time and memory; metrics and examples |
//! | `job.rs` | one input through one codec at one setting |
//! | `cache.rs` | the output folder: keys, rows, coded files |
//! | `run.rs`, `results.rs`, `curves.rs`, `collect.rs` | the schedule; what it leaves behind; means; the files of it |
//! | `merge.rs`, `pairs.rs` | shards joined; files that somebody else decoded |
//! | `compare.rs`, `table.rs` | two runs beside each other; tables for a README |

pub mod cache;
mod codec;
mod collect;
pub mod compare;
pub mod curves;
mod exec;
mod input;
mod job;
mod judge;
mod matching;
pub mod merge;
pub mod pairs;
pub mod plan;
mod programs;
pub mod results;
pub mod run;
pub mod table;

/// To standard output. A closed pipe (`| head`) is the reader's wish and no failure.
fn print(text: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes());
}
