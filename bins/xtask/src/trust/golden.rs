//! Golden files decode to the symbols and output that they always had; faulty ones fail as they always did.

use anyhow::{Context, Result};
use nc_corpora::golden;
use xtask::corpus;
use xtask::opener::REGISTRY;

use super::{Outcome, Setting};

pub fn run(_: &Setting) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let folder = corpus::folder("golden");
    for (name, sum) in list("golden", "golden.sha256")? {
        let y = golden::output(&std::fs::read(folder.join(&name))?, &*REGISTRY);
        outcome.expect(y.as_ref().is_ok_and(|y| *y == sum), || {
            format!("{name}: output {y:?}")
        });
    }
    for (name, sum) in list("golden", "symbols.sha256")? {
        let y = golden::symbols(&std::fs::read(folder.join(&name))?, &*REGISTRY);
        outcome.expect(y.as_ref().is_ok_and(|y| *y == sum), || {
            format!("{name}: symbols {y:?}")
        });
    }
    for (name, kind) in list("faulty", "errors.txt")? {
        let bytes = std::fs::read(corpus::folder("faulty").join(&name))?;
        let found = golden::refused(&name, &bytes, &REGISTRY);
        let found = found.as_ref().map(golden::kind);
        outcome.expect(found == Some(&kind), || {
            format!("{name}: {found:?}, not {kind}")
        });
    }
    Ok(outcome)
}

/// A list of a folder of `corpora/`, by name.
pub fn list(folder: &str, name: &str) -> Result<std::collections::BTreeMap<String, String>> {
    let path = corpus::folder(folder).join(name);
    golden::list(&path).with_context(|| path.display().to_string())
}
