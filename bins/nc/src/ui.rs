//! What the user sees: messages and progress on standard error, JSON where it does no harm.
//!
//! Standard output belongs to data. Everything else goes to standard error, one line each, and
//! bars only where a person looks at them.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use nc::media::Warning;
use nc::{Progress, Toolkit};
use serde_json::{Value, json};

use crate::args::Common;
use crate::failure::{Failure, Result};

/// The terminal, and what every command was told.
pub struct Ui {
    common: Common,
    bars: MultiProgress,
    toolkit: Toolkit,
    /// True once standard output carries data.
    stdout_taken: bool,
}

impl Ui {
    /// For a run of the program.
    pub fn new(common: Common, toolkit: Toolkit) -> Self {
        // indicatif draws nothing where standard error is not a terminal.
        let target = if common.quiet || common.json {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        Self {
            common,
            bars: MultiProgress::with_draw_target(target),
            toolkit,
            stdout_taken: false,
        }
    }

    /// Standard output carries data: JSON goes to standard error.
    pub fn take_stdout(&mut self) {
        self.stdout_taken = true;
    }

    /// The toolkit that all commands work with.
    pub fn toolkit(&self) -> &Toolkit {
        &self.toolkit
    }

    /// The same, for adding models.
    pub fn toolkit_mut(&mut self) -> &mut Toolkit {
        &mut self.toolkit
    }

    /// True with `-q`.
    pub fn is_quiet(&self) -> bool {
        self.common.quiet
    }

    /// True where JSON was asked for.
    pub fn wants_json(&self) -> bool {
        self.common.json
    }

    /// A line, unless `-q`.
    pub fn say(&self, line: impl Display) {
        if !self.common.quiet && !self.json_on_stderr() {
            self.line(line);
        }
    }

    /// A line on what was done with a file, where no JSON tells it.
    pub fn summary(&self, line: impl Display) {
        if !self.common.json {
            self.say(line);
        }
    }

    /// True where standard error carries JSON, which tells warnings and failures too.
    fn json_on_stderr(&self) -> bool {
        self.common.json && self.stdout_taken
    }

    /// A line with `-v`.
    pub fn detail(&self, line: impl Display) {
        if self.common.verbose {
            self.line(line);
        }
    }

    /// Something odd about a file that was still worked on.
    pub fn warn(&self, path: &Path, what: impl Display) {
        self.say(format_args!("nc: {}: warning: {what}", label(path)));
    }

    /// Why a file failed.
    pub fn fail(&self, path: &Path, failure: &Failure) {
        if failure.is_closed_pipe() || self.json_on_stderr() {
            return;
        }
        let path = failure.subject.as_deref().unwrap_or(path);
        self.line(format_args!("nc: {}: {}", label(path), failure.line()));
    }

    fn line(&self, line: impl Display) {
        self.bars.suspend(|| {
            // Nowhere is left to report to where standard error is closed.
            let _ = writeln!(io::stderr(), "{}", plain(line));
        });
    }

    /// A line of text on standard output.
    ///
    /// # Errors
    /// I/O.
    pub fn print(&self, text: impl Display) -> Result<()> {
        writeln!(io::stdout(), "{}", plain(text))?;
        Ok(())
    }

    /// One JSON object as one line, if JSON was asked for.
    ///
    /// # Errors
    /// I/O.
    pub fn json(&self, value: &Value) -> Result<()> {
        if !self.common.json {
            return Ok(());
        }
        if self.json_on_stderr() {
            writeln!(io::stderr(), "{value}")?;
        } else {
            writeln!(io::stdout(), "{value}")?;
        }
        Ok(())
    }

    /// A progress bar named after a file.
    pub fn bar(&self, path: &Path) -> ProgressBar {
        let bar = self.bars.add(ProgressBar::no_length());
        let style = ProgressStyle::with_template(
            "{prefix:>24!} {bar:30} {percent:>3}% {elapsed} (eta {eta}) {msg}",
        );
        if let Ok(style) = style {
            bar.set_style(style);
        }
        bar.set_prefix(label(path));
        bar
    }
}

/// Shows reports of the library on a bar.
pub fn show(bar: &ProgressBar) -> impl FnMut(Progress<'_>) + Send {
    let bar = bar.clone();
    move |p| {
        if let Some(total) = p.total {
            bar.set_length(total);
        }
        bar.set_position(p.done);
        if !p.note.is_empty() {
            bar.set_message(p.note.to_string());
        }
    }
}

/// A text for the terminal, with what stands for characters that are not seen: what a file says moves no cursor and
/// hides nothing.
fn seen(text: &str, kept: &[char]) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && !kept.contains(&c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// A text in one line, whatever it is.
pub fn one_line(text: &str) -> String {
    seen(text, &[])
}

/// Lines and columns of our own making.
fn plain(text: impl Display) -> String {
    seen(&text.to_string(), &['\n', '\t'])
}

/// A path as messages show it, in one line.
pub fn label(path: &Path) -> String {
    one_line(&name(path))
}

/// A path as JSON has it.
pub fn name(path: &Path) -> String {
    if is_dash(path) {
        "-".into()
    } else {
        path.display().to_string()
    }
}

/// True for the name that means standard input or output.
pub fn is_dash(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Warnings as JSON has them.
pub fn warnings(all: &[Warning]) -> Vec<Value> {
    all.iter()
        .map(|w| json!({ "code": w.code, "text": w.text }))
        .collect()
}
