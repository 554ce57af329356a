//! `nc test`: decodes to the end of what decoding would write, and compares checksums and hashes that the file carries.

use serde_json::json;

use crate::args::Inputs;
use crate::batch::{self, Done};
use crate::failure::Result;
use crate::models;
use crate::ui::{Ui, label, warnings};

/// Runs the command; gives the exit code.
///
/// # Errors
/// What stops all files; the failures of single files are reported and in the code.
pub fn run(args: &Inputs, ui: &mut Ui) -> Result<u8> {
    let files = batch::files(&args.files, args.recursive)?;
    models::add(args.model.as_deref(), ui)?;
    let ui = &*ui;
    batch::run(
        ui,
        &files,
        |file| file,
        |file, ctl| {
            let done = ui.toolkit().test_file(batch::source(file), ctl);
            let done = done.map_err(models::hint_for_decoding)?;
            for warning in &done.warnings {
                ui.warn(file, warning);
            }
            if !ui.wants_json() && !ui.is_quiet() {
                ui.print(format_args!("{}: ok", label(file)))?;
            }
            Ok(Done(json!({
                "units": done.units,
                "output_hash": done.hashed,
                "warnings": warnings(&done.warnings),
            })))
        },
    )
}
