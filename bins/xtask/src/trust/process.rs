//! Running the programs: exit code, messages, peak of memory; and killing them.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Between looks at whether a program has ended.
const LOOK: Duration = Duration::from_millis(1);

/// What a run of a program came to.
pub struct Ran {
    /// Exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// Its standard error.
    pub said: String,
    /// Most memory that it had at once, in bytes, where the system tells.
    pub peak: Option<u64>,
    pub seconds: f64,
}

/// A program that is running, its standard error kept in a file.
pub struct Running {
    child: Child,
    said: PathBuf,
    start: Instant,
    peak: Option<u64>,
}

/// A command of `program`, quiet on the terminal.
pub fn command<A: AsRef<OsStr>>(program: &Path, args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(program);
    command
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

/// Starts it; `folder` takes what it says.
pub fn start(command: &mut Command, folder: &Path) -> Result<Running> {
    let said = folder.join(".said");
    let child = command
        .stderr(File::create(&said)?)
        .spawn()
        .with_context(|| format!("{:?}", command.get_program()))?;
    Ok(Running {
        child,
        said,
        start: Instant::now(),
        peak: None,
    })
}

/// Runs it to its end.
pub fn complete(command: &mut Command, folder: &Path) -> Result<Ran> {
    start(command, folder)?.wait()
}

impl Running {
    /// The process's number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end.
    pub fn wait(mut self) -> Result<Ran> {
        let mut pause = Duration::from_micros(200);
        loop {
            // The kernel's own mark of the greatest size, which is gone with the process.
            let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
            let line = status.unwrap_or_default();
            let line = line.lines().find_map(|l| l.strip_prefix("VmHWM:"));
            let kib = line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok());
            self.peak = kib.map(|k| k * 1024).or(self.peak);
            if let Some(status) = self.child.try_wait()? {
                let said = std::fs::read_to_string(&self.said).unwrap_or_default();
                let _ = std::fs::remove_file(&self.said);
                return Ok(Ran {
                    code: status.code(),
                    said,
                    peak: self.peak,
                    seconds: self.start.elapsed().as_secs_f64(),
                });
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(10));
        }
    }

    /// Kills it after `delay`, if it still runs then. Says whether it was killed.
    pub fn kill_after(mut self, delay: Duration) -> Result<bool> {
        let start = Instant::now();
        let mut running = true;
        while running && start.elapsed() < delay {
            std::thread::sleep(LOOK.min(delay.saturating_sub(start.elapsed())));
            running = self.child.try_wait()?.is_none();
        }
        if running {
            self.child.kill()?;
        }
        self.child.wait()?;
        let _ = std::fs::remove_file(&self.said);
        Ok(running)
    }

    /// Sends the signal that Ctrl-C does, after `delay`.
    pub fn interrupt_after(self, delay: Duration) -> Result<Ran> {
        std::thread::sleep(delay);
        if let Some(pid) = rustix::process::Pid::from_raw(self.id() as i32) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
        }
        self.wait()
    }
}

/// Names in a folder, sorted.
pub fn names(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}
