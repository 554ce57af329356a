//! `nc completions` and `nc man`, both made from the one definition of the command line.

use std::io::{self, Write};
#[cfg(feature = "man")]
use std::path::Path;

#[cfg(feature = "man")]
use clap::Command;
use clap_complete::Shell;
use nc::Toolkit;

use crate::codec_options;
#[cfg(feature = "man")]
use crate::failure::Failure;
use crate::failure::Result;

/// Prints completions.
///
/// # Errors
/// I/O.
pub fn completions(shell: Shell, toolkit: &Toolkit) -> Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(
        shell,
        &mut codec_options::command(toolkit.registry()),
        "nc",
        &mut text,
    );
    io::stdout().write_all(&text)?;
    Ok(())
}

#[cfg(feature = "man")]
/// Prints the man page, or writes one page for each command into a folder.
///
/// # Errors
/// I/O.
pub fn man(out_dir: Option<&Path>, toolkit: &Toolkit) -> Result<()> {
    // Built, so that the flags of all commands stand in the page of each.
    let mut root = codec_options::command(toolkit.registry());
    root.build();
    let Some(dir) = out_dir else {
        io::stdout().write_all(&page(root)?)?;
        return Ok(());
    };
    std::fs::create_dir_all(dir).map_err(|e| Failure::from(e).on(dir))?;
    write_pages(root, "nc", dir)
}

#[cfg(feature = "man")]
fn write_pages(command: Command, title: &str, dir: &Path) -> Result<()> {
    for sub in command.get_subcommands() {
        if sub.get_name() != "help" {
            write_pages(sub.clone(), &format!("{title}-{}", sub.get_name()), dir)?;
        }
    }
    let path = dir.join(format!("{title}.1"));
    let text = page(command.display_name(title.to_string()))?;
    // A page of another version is not written over.
    match std::fs::read(&path) {
        Ok(there) if there == text => return Ok(()),
        Ok(_) => return Err(Failure::usage("the output exists and is another").on(&path)),
        Err(_) => {}
    }
    std::fs::write(&path, text).map_err(|e| Failure::from(e).on(&path))
}

#[cfg(feature = "man")]
fn page(command: Command) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command).render(&mut text)?;
    Ok(text)
}
