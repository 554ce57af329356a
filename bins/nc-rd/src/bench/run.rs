//! `nc-rd run`: does what a plan asks for and has not been done yet.
//!
//! First all that is not timed, on all cores; then what is timed, one run after another and nothing
//! beside it. Metrics cost more than most codecs, so those of timed runs wait until some have
//! gathered and are then computed on all cores, while no timed run is going.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;

use super::cache::Folder;
use super::input::Input;
use super::job::{Back, How, Job};
use super::plan::Plan;
use super::programs::Ready;
use super::results::{Dataset, Machine, Results, Row, Skipped};
use super::{collect, exec};

/// Time between two writings of the results of a run that goes on, and most time that timed runs wait
/// to be judged while others run.
const EVERY: Duration = Duration::from_secs(20);
/// Timed runs that gather before they are judged, for each core; and bytes of what they decoded.
const GATHER: usize = 8;
const GATHER_BYTES: u64 = 256 << 20;

/// What is to be done, and how.
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// Plan: data sets, codecs, settings (TOML)
    #[arg(value_name = "PLAN.toml")]
    plan: PathBuf,
    /// Folder for rows, results, coded files and examples; a run that was stopped goes on there
    #[arg(short, value_name = "OUT")]
    output: PathBuf,
    /// These data sets only
    #[arg(long, value_delimiter = ',', value_name = "NAME,...")]
    dataset: Vec<String>,
    /// Folder of a data set, instead of the plan's; may be repeated
    #[arg(long, value_name = "NAME=DIR", value_parser = pair)]
    data: Vec<(String, PathBuf)>,
    /// File of more `[[codec]]`, which replace built-in ones of the same name and kind; may be repeated
    #[arg(long, value_name = "FILE")]
    peers: Vec<PathBuf>,
    /// A program's file, instead of the one beside nc-rd or on PATH; may be repeated
    #[arg(long, value_name = "NAME=FILE", value_parser = pair)]
    program: Vec<(String, PathBuf)>,
    /// Runs side by side of what is not timed; 0 means one per core
    #[arg(long, default_value_t = 0, value_name = "N")]
    jobs: usize,
    /// Every N-th run only, from the I-th on: the others are done elsewhere, and `nc-rd merge` joins them
    #[arg(long, value_name = "I/N", value_parser = shard)]
    shard: Option<(usize, usize)>,
    /// Encode and decode so often where it is timed; the median counts
    #[arg(long, default_value_t = 1, value_name = "N")]
    repeat: usize,
    /// Time nothing: all runs side by side
    #[arg(long)]
    no_times: bool,
    /// Leave runs that failed as they are, instead of trying them again
    #[arg(long)]
    keep_failed: bool,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
    /// Say nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

impl RunArgs {
    /// A plan with all its defaults, for commands that make one.
    pub const fn of(
        plan: PathBuf,
        output: PathBuf,
        program: Vec<(String, PathBuf)>,
        quiet: bool,
    ) -> Self {
        Self {
            plan,
            output,
            dataset: Vec::new(),
            data: Vec::new(),
            peers: Vec::new(),
            program,
            jobs: 0,
            shard: None,
            repeat: 1,
            no_times: false,
            keep_failed: false,
            json: false,
            quiet,
        }
    }
}

/// `NAME=PATH` of a command line.
///
/// # Errors
/// Text, where it is none.
pub fn pair(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => {
            Ok((name.to_string(), path.into()))
        }
        _ => Err("NAME=PATH is wanted".into()),
    }
}

/// `I/N` of a command line, I from 1 to N.
fn shard(text: &str) -> Result<(usize, usize), String> {
    let parts = text
        .split_once('/')
        .and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
    match parts {
        Some((i, n)) if 0 < i && i <= n => Ok((i, n)),
        _ => Err("I/N is wanted, as 1/4".into()),
    }
}

/// Runs a plan; whether every run of it succeeded.
///
/// # Errors
/// A plan that cannot be used, I/O of the output folder. A run that fails is a row and no error.
pub fn run(args: &RunArgs) -> Result<bool> {
    let folders: BTreeMap<_, _> = args.data.iter().cloned().collect();
    let named: BTreeMap<_, _> = args.program.iter().cloned().collect();
    let plan = Plan::open(&args.plan, &args.peers, &folders, &args.dataset)?;
    for name in named.keys() {
        let known = plan.codecs.iter().any(|c| c.programs.contains(name));
        ensure!(known, "--program {name}: no codec has such a program");
    }
    let (folder, old) = Folder::open(&args.output)?;
    let root = folder.root().to_path_buf();
    // What a killed run left behind.
    let work = root.join("work");
    if work.is_dir() {
        std::fs::remove_dir_all(&work)?;
    }
    std::fs::create_dir_all(&work)?;
    let ended = work.clone();
    ctrlc::set_handler(move || {
        exec::end_all();
        let _ = std::fs::remove_dir_all(&ended);
        std::process::exit(130);
    })?;

    let (ready, skipped) = find(&plan, &named);
    let inputs = inputs(&plan, &work)?;
    let mut jobs = jobs(&plan, &ready, &inputs, args.no_times);
    if let Some((i, n)) = args.shard {
        let mut at = 0..;
        jobs.retain(|_| at.next().is_some_and(|k| k % n == i - 1));
    }
    for job in &mut jobs {
        job.failed = old.get(&job.key()).is_some_and(|row| row.error.is_some());
    }
    let mut done: HashMap<String, Row> = HashMap::new();
    let mut open: Vec<&Job<'_>> = Vec::new();
    for job in &jobs {
        match old.get(&job.key()) {
            Some(row)
                if job.done_by(row, args.repeat) || args.keep_failed && row.error.is_some() =>
            {
                done.insert(row.key.clone(), row.clone());
            }
            _ => open.push(job),
        }
    }
    let header = Results {
        name: plan.name.clone(),
        description: plan.description.clone(),
        command: command(),
        machine: machine(),
        codecs: ready.iter().flatten().map(Ready::used).collect(),
        skipped,
        ..Results::default()
    };
    let state = State {
        how: How {
            root,
            repeat: args.repeat.max(1),
            untaught: Mutex::default(),
        },
        bar: bar(args.quiet, jobs.len(), done.len()),
        header,
        plan: &plan,
        keys: jobs.iter().map(Job::key).collect(),
        kept: Mutex::new(Kept {
            folder,
            done,
            written: Instant::now(),
        }),
    };
    if !args.quiet {
        for s in &state.header.skipped {
            state.say(&format!("skipped: {}: {}", s.codec, s.why));
        }
    }
    state.all(&open, args.jobs)?;
    let results = state.write()?;
    state.bar.finish_and_clear();
    let _ = std::fs::remove_dir_all(&work);
    let failed = results.rows.iter().filter(|r| r.error.is_some()).count();
    if args.json {
        super::print(&format!("{}\n", serde_json::to_string_pretty(&results)?));
    } else if !args.quiet {
        super::print(&format!(
            "{}: {} runs, {} of them new, {failed} failed; {}\n",
            results.name,
            jobs.len(),
            open.len(),
            args.output.join("results.json").display()
        ));
    }
    // Of a plan whose codecs are all missing nothing was done.
    Ok(failed == 0 && !jobs.is_empty())
}

/// Codecs that the plan uses and that are there, by their index; and those that are not.
fn find(plan: &Plan, named: &BTreeMap<String, PathBuf>) -> (Vec<Option<Ready>>, Vec<Skipped>) {
    let used = |i: usize| plan.tasks.iter().any(|t| t.codec == i);
    let found: Vec<Option<Result<Ready>>> = plan
        .codecs
        .par_iter()
        .enumerate()
        .map(|(i, codec)| used(i).then(|| Ready::find(codec, named)))
        .collect();
    let mut skipped = Vec::new();
    let ready = found
        .into_iter()
        .zip(&plan.codecs)
        .map(|(found, codec)| match found? {
            Ok(ready) => Some(ready),
            Err(e) => {
                skipped.push(Skipped {
                    codec: codec.name.clone(),
                    why: format!("{e:#}"),
                });
                None
            }
        })
        .collect();
    (ready, skipped)
}

/// Inputs of each data set, and the file to learn from.
type Inputs = Vec<(Vec<Input>, Option<Input>)>;

fn inputs(plan: &Plan, work: &Path) -> Result<Inputs> {
    let of_set = |set: &super::plan::Found| -> Result<(Vec<Input>, Option<Input>)> {
        let open = |name: &str, path: &Path| Input::new(name, path, &set.data, work);
        if let (Some(every), Some((name, path))) = (set.data.split, set.inputs.first()) {
            let (measured, learnt) = super::input::split(path, every, work)
                .with_context(|| path.display().to_string())?;
            return Ok((vec![open(name, &measured)?], Some(open("train", &learnt)?)));
        }
        let inputs = set.inputs.par_iter().map(|(name, path)| open(name, path));
        let train = set.train.as_ref().map(|path| open("train", path));
        Ok((inputs.collect::<Result<_>>()?, train.transpose()?))
    };
    plan.datasets.iter().map(of_set).collect()
}

/// All runs, in the plan's order.
fn jobs<'a>(
    plan: &'a Plan,
    ready: &'a [Option<Ready>],
    inputs: &'a Inputs,
    no_times: bool,
) -> Vec<Job<'a>> {
    let mut jobs = Vec::new();
    for task in &plan.tasks {
        let Some(ready) = ready.get(task.codec).and_then(Option::as_ref) else {
            continue;
        };
        let (Some(set), Some((files, train))) =
            (plan.datasets.get(task.dataset), inputs.get(task.dataset))
        else {
            continue;
        };
        jobs.extend(files.iter().enumerate().map(|(i, input)| Job {
            ready,
            setting: &task.setting,
            data: &set.data,
            input,
            train: train.as_ref(),
            example: i < set.data.examples,
            alone: ready.codec.timed && !no_times,
            failed: false,
        }));
    }
    jobs
}

/// A run that goes on.
struct State<'a> {
    how: How,
    bar: ProgressBar,
    header: Results,
    plan: &'a Plan,
    keys: Vec<String>,
    kept: Mutex<Kept>,
}

/// What changes meanwhile.
struct Kept {
    folder: Folder,
    done: HashMap<String, Row>,
    written: Instant,
}

impl State<'_> {
    /// Does all that is open.
    fn all(&self, open: &[&Job<'_>], threads: usize) -> Result<()> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()?;
        let (alone, beside): (Vec<&Job<'_>>, Vec<&Job<'_>>) =
            open.iter().copied().partition(|j| j.alone);
        pool.install(|| {
            // One at a time from the front: halves would leave the slow ones to one thread.
            beside
                .par_iter()
                .with_max_len(1)
                .try_for_each(|job| self.finish(job.judge(&self.how, job.code(&self.how))))
        })?;
        let judge = |gathered: Vec<(&Job<'_>, Back)>| {
            let finish = |(job, back): (&Job<'_>, Back)| self.finish(job.judge(&self.how, back));
            pool.install(|| {
                gathered
                    .into_par_iter()
                    .with_max_len(1)
                    .try_for_each(finish)
            })
        };
        let most = GATHER * pool.current_num_threads();
        let (mut gathered, mut bytes) = (Vec::new(), 0_u64);
        let mut judged = Instant::now();
        for job in alone {
            let codec = &job.ready.codec.name;
            self.bar.set_message(format!(
                "{} {codec} {} {}",
                job.data.name, job.setting, job.input.name
            ));
            let back = job.code(&self.how);
            bytes += back.size();
            gathered.push((job, back));
            // A kill loses what waits, and the reader sees nothing of it.
            let due = judged.elapsed() > EVERY;
            if due || gathered.len() >= most || bytes >= GATHER_BYTES {
                judge(std::mem::take(&mut gathered))?;
                bytes = 0;
                judged = Instant::now();
            }
        }
        judge(gathered)
    }

    /// Writes down a run, and now and then all results.
    fn finish(&self, row: Row) -> Result<()> {
        go_no_further_if_ended();
        if let Some(why) = &row.error {
            self.say(&format!(
                "failed: {} {} {} {}: {why}",
                row.dataset, row.codec, row.setting, row.input
            ));
        }
        let due = {
            let mut kept = self.kept()?;
            kept.folder.append(&row)?;
            kept.done.insert(row.key.clone(), row);
            kept.written.elapsed() > EVERY
        };
        self.bar.inc(1);
        if due {
            self.write()?;
        }
        Ok(())
    }

    fn kept(&self) -> Result<std::sync::MutexGuard<'_, Kept>> {
        self.kept
            .lock()
            .map_err(|_| anyhow!("a thread of the run panicked"))
    }

    fn say(&self, line: &str) {
        if self.bar.is_hidden() {
            eprintln!("{line}");
        } else {
            self.bar.suspend(|| eprintln!("{line}"));
        }
    }

    /// Writes all that is known: results, curves, CSV.
    fn write(&self) -> Result<Results> {
        go_no_further_if_ended();
        let mut kept = self.kept()?;
        let mut results = self.header.clone();
        results.rows = self
            .keys
            .iter()
            .filter_map(|k| kept.done.get(k).cloned())
            .collect();
        results.datasets = self.plan.datasets.iter().map(dataset).collect();
        collect::complete(&mut results);
        collect::write(&self.how.root, &results)?;
        kept.written = Instant::now();
        Ok(results)
    }
}

/// A data set without what follows from its rows.
fn dataset(set: &super::plan::Found) -> Dataset {
    Dataset {
        name: set.data.name.clone(),
        kind: set.data.kind,
        about: set.data.about.clone(),
        inputs: set.inputs.len(),
        rate: String::new(),
        quality: Vec::new(),
        credit: set.data.credit.clone(),
    }
}

/// Once commands are being ended, their failures are none: nothing is written down any more, and the
/// thread waits for the end of the process.
fn go_no_further_if_ended() {
    while exec::ended() {
        std::thread::park();
    }
}

fn bar(quiet: bool, all: usize, done: usize) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(all as u64).with_position(done as u64);
    if let Ok(style) = ProgressStyle::with_template("{pos}/{len} {bar:30} {elapsed} {wide_msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}

/// The command line, as a shell would take it.
fn command() -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    let word = |word: String| match word.chars().all(plain) && !word.is_empty() {
        true => word,
        false => format!("'{}'", word.replace('\'', "'\\''")),
    };
    let words = std::env::args().skip(1).map(word);
    std::iter::once("nc-rd".to_string())
        .chain(words)
        .collect::<Vec<_>>()
        .join(" ")
}

/// This computer, as far as it says.
fn machine() -> Machine {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let value = |text: &str, key: &str| {
        let line = text.lines().find(|l| l.starts_with(key));
        let value = line.and_then(|l| Some(l.split_once(':')?.1.trim().to_string()));
        value.unwrap_or_default()
    };
    let memory = value(&read("/proc/meminfo"), "MemTotal");
    let kib: u64 = memory
        .split(' ')
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0);
    let release = read("/proc/sys/kernel/osrelease");
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    Machine {
        cpu: value(&read("/proc/cpuinfo"), "model name"),
        cores: std::thread::available_parallelism().map_or(0, usize::from),
        memory_mib: kib / 1024,
        os: format!("{os} {} {arch}", release.trim()).replace("  ", " "),
    }
}
