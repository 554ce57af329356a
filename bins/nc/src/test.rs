//! `nc test`: decodes everything and compares the checksums and hashes that the file carries.

use std::io::BufReader;

use nc_core::Decoder;
use serde_json::json;

use crate::args::Inputs;
use crate::batch::{self, Done};
use crate::decode::not_nc;
use crate::failure::Result;
use crate::files::{input, is_nc, is_nc_file};
use crate::models;
use crate::ui::{Ui, label, show};

/// Runs the command; gives the exit code.
///
/// # Errors
/// What stops all files; the failures of single files are reported and in the code.
pub fn run(args: &Inputs, ui: &Ui) -> Result<u8> {
    let registry = nc::registry();
    let files = batch::files(&args.files, args.recursive, is_nc_file)?;
    let model = models::given(args.model.as_deref(), &mut ui.budget())?;
    let opener = models::opener(&registry, model.as_ref());
    Ok(batch::run(
        ui,
        &files,
        |file| file,
        |file, threads| {
            let input = input(file)?;
            if !is_nc(input.sniff()) {
                return Err(not_nc(&input));
            }
            let bar = ui.bar(file);
            let mut progress = show(&bar);
            let mut ctl = ui.control(threads, &mut progress);
            let mut decoder = Decoder::new(BufReader::new(input), &opener, ui.budget())?;
            let mut units = 0u64;
            while let Some(piece) = decoder.next(&mut ctl)? {
                units = units.saturating_add(piece.units());
            }
            bar.finish_and_clear();
            if !ui.wants_json() && !ui.is_quiet() {
                ui.print(format_args!("{}: ok", label(file)))?;
            }
            // A trimmed file has no hash of its output: nobody has seen it.
            let hashed = decoder.header().hashed;
            Ok(Done(json!({ "units": units, "output_hash": hashed })))
        },
    ))
}
