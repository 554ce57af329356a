//! Runs one command to its end: wall time, peak memory, limits of time and of what it writes.
//!
//! A command is the leader of a process group, which is ended as a whole, so that a script's children
//! do not outlive it. The calling thread waits in the kernel and does not poll, so that a time is not
//! rounded to a polling interval; a second thread reads memory now and then. Memory is the high-water
//! mark of resident pages (`VmHWM` of Linux) summed over the processes of the tree that live at one
//! moment: `ru_maxrss` would not do, since a child inherits the mark of the program that started it.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// Time between the first looks at a command's memory; it doubles up to [`SLOWEST`].
const FIRST: Duration = Duration::from_micros(500);
const SLOWEST: Duration = Duration::from_millis(20);
/// File in a command's folder that gets its complaints.
pub const COMPLAINTS: &str = ".complaints";
/// Characters of a complaint that are kept.
const COMPLAINT: usize = 300;
/// Bytes at the end of the complaints among which it is looked for.
const LAST: u64 = 1 << 16;
/// Peaks of commands that end sooner say how often one looked and not what they held.
const SHORTEST: Duration = Duration::from_millis(20);

/// Process groups that run now, for [`end_all`].
static RUNNING: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());
/// Whether all is being ended: what fails from now on is no fault of a command.
static ENDED: AtomicBool = AtomicBool::new(false);

/// What a command may take.
#[derive(Debug, Clone, Copy)]
pub struct Most<'a> {
    /// Wall time.
    pub time: Duration,
    /// Bytes of a file among `files`, or of its complaints.
    pub bytes: u64,
    /// Files that it may write.
    pub files: &'a [&'a Path],
}

impl Most<'_> {
    /// A file that is too long by now.
    fn too_long(&self, log: &Path) -> bool {
        let mut files = self.files.iter().copied().chain([log]);
        files.any(|f| f.metadata().is_ok_and(|m| m.len() > self.bytes))
    }
}

/// Why a command was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Late,
    TooLong,
}

/// What a command took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// Wall time in seconds, from before it is started until it has ended.
    pub seconds: f64,
    /// Most memory in MiB; none where it ended within [`SHORTEST`].
    pub peak_mib: Option<f64>,
}

impl Cost {
    /// Of two commands, one after the other.
    pub fn then(self, next: Self) -> Self {
        let most = |a: f64, b: f64| a.max(b);
        Self {
            seconds: self.seconds + next.seconds,
            peak_mib: self.peak_mib.into_iter().chain(next.peak_mib).reduce(most),
        }
    }
}

/// Runs `words` in `folder`, with nothing to read; what it prints goes to `stdout`, or nowhere.
///
/// # Errors
/// What cannot be started, fails (with the last line of its complaints), does not end in time, or writes
/// too much.
pub fn run(words: &[String], folder: &Path, stdout: Option<&Path>, most: Most<'_>) -> Result<Cost> {
    let [program, arguments @ ..] = words else {
        bail!("an empty command");
    };
    let name = Path::new(program)
        .file_name()
        .map_or_else(|| program.clone(), |n| n.to_string_lossy().into_owned());
    let log = folder.join(COMPLAINTS);
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(match stdout {
            Some(path) => Stdio::from(File::create(path)?),
            None => Stdio::null(),
        })
        .stderr(Stdio::from(File::create(&log)?))
        .process_group(0);
    let (status, cost, why) = watch(&mut command, &most, &log).with_context(|| name.clone())?;
    match why {
        Some(Ended::Late) => bail!("{name} did not end within {} s", most.time.as_secs_f64()),
        Some(Ended::TooLong) => bail!("{name} wrote more than {} bytes", most.bytes),
        None => {}
    }
    if !status.success() {
        let said = tail(&log).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let last = said.lines().map(str::trim).rfind(|l| !l.is_empty());
        let last: String = last.unwrap_or_default().chars().take(COMPLAINT).collect();
        let colon = if last.is_empty() { "" } else { ": " };
        bail!("{name} failed ({status}){colon}{last}");
    }
    Ok(cost)
}

/// The end of a file.
fn tail(path: &Path) -> Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LAST)))?;
    let mut out = Vec::new();
    file.take(LAST).read_to_end(&mut out)?;
    Ok(out)
}

/// Starts a command and waits for it; whether it had to be ended because of `most`.
fn watch(
    command: &mut Command,
    most: &Most<'_>,
    log: &Path,
) -> Result<(ExitStatus, Cost, Option<Ended>)> {
    let (start, mut child) = start(command)?;
    let pid = Pid::from_child(&child);
    let (done, ended) = channel::<()>();
    let (waited, seconds, peak, why) = std::thread::scope(|scope| {
        let observer = scope.spawn(move || {
            let (mut pause, mut peak, mut why) = (FIRST, 0_u64, None);
            loop {
                peak = peak.max(memory(pid.as_raw_nonzero().get()));
                if why.is_none() {
                    why = if start.elapsed() > most.time {
                        Some(Ended::Late)
                    } else {
                        most.too_long(log).then_some(Ended::TooLong)
                    };
                    if why.is_some() {
                        let _ = kill_process_group(pid, Signal::KILL);
                    }
                }
                match ended.recv_timeout(pause) {
                    Err(RecvTimeoutError::Timeout) => pause = (2 * pause).min(SLOWEST),
                    _ => break (peak, why),
                }
            }
        });
        // Not reaped yet: its number cannot become another's while the observer uses it.
        let waited = loop {
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            match waitid(WaitId::Pid(pid), options) {
                Err(rustix::io::Errno::INTR) => {}
                other => break other,
            }
        };
        let seconds = start.elapsed().as_secs_f64();
        drop(done);
        let (peak, why) = observer.join().unwrap_or_default();
        (waited, seconds, peak, why)
    });
    // Whoever it left behind in its group.
    let _ = kill_process_group(pid, Signal::KILL);
    if let Ok(mut all) = RUNNING.lock() {
        all.remove(&pid.as_raw_nonzero().get());
    }
    let status = child.wait()?;
    waited.context("cannot be waited for")?;
    let looked_at = peak > 0 && seconds >= SHORTEST.as_secs_f64();
    let peak_mib = looked_at.then_some(peak as f64 / 1024.0);
    Ok((status, Cost { seconds, peak_mib }, why))
}

/// Starts a command, unless all is being ended: none is started behind [`end_all`]'s back.
fn start(command: &mut Command) -> Result<(Instant, Child)> {
    let mut all = match RUNNING.lock() {
        Ok(all) => all,
        Err(poisoned) => poisoned.into_inner(),
    };
    ensure!(!ended(), "the run is being ended");
    let start = Instant::now();
    let child = command.spawn().context("cannot be started")?;
    all.insert(Pid::from_child(&child).as_raw_nonzero().get());
    Ok((start, child))
}

/// KiB of the high-water marks of a process and its descendants; 0 where it cannot be told.
fn memory(pid: i32) -> u64 {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/status")) else {
        return 0;
    };
    let own = status
        .lines()
        .find_map(|l| l.strip_prefix("VmHWM:"))
        .and_then(|l| l.split_whitespace().next()?.parse::<u64>().ok())
        .unwrap_or(0);
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let children = children.unwrap_or_default();
    let below = children.split_whitespace().filter_map(|c| c.parse().ok());
    own + below.map(memory).sum::<u64>()
}

/// Whether [`end_all`] was called.
pub fn ended() -> bool {
    ENDED.load(Ordering::SeqCst)
}

/// Ends all commands that run, and lets none start: their groups do not get the terminal's Ctrl-C.
pub fn end_all() {
    ENDED.store(true, Ordering::SeqCst);
    if let Ok(all) = RUNNING.lock() {
        for pid in all.iter().filter_map(|&p| Pid::from_raw(p)) {
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests;
