//! Golden files decode to the symbols and output that they always had; faulty ones fail as they always did.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use nc::{Archive, Budget, Control, Error, Model};
use nc_corpora::files::sha256;
use nc_kernels::Level;
use xtask::corpus;
use xtask::opener::Kept;

use super::{Outcome, Setting};

pub fn run(_: &Setting) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let opener = Kept::new(Level::best(), corpus::models()?, false);
    let golden = corpus::folder("golden");
    for (name, sum) in list(&golden.join("golden.sha256"))? {
        let file = std::fs::read(golden.join(&name))?;
        let y = nc::decode(&opener, &file, Budget::default()).map(|y| sha256(&y.to_le_bytes()));
        outcome.expect(y.as_ref().is_ok_and(|y| *y == sum), || {
            format!("{name}: output {y:?}")
        });
    }
    for (name, sum) in list(&golden.join("symbols.sha256"))? {
        let symbols = symbols(&std::fs::read(golden.join(&name))?, &opener);
        let right = symbols.as_ref().is_ok_and(|s| *s == sum);
        outcome.expect(right, || format!("{name}: symbols {symbols:?}"));
    }
    let faulty = corpus::folder("faulty");
    for (name, kind) in list(&faulty.join("errors.txt"))? {
        let bytes = std::fs::read(faulty.join(&name))?;
        let found = if name.ends_with(".ncm") {
            model(&bytes).err()
        } else {
            nc::decode(&opener, &bytes, Budget::default()).err()
        };
        let found = found.as_ref().map(kind_of);
        outcome.expect(found == Some(&kind), || {
            format!("{name}: {found:?}, not {kind}")
        });
    }
    Ok(outcome)
}

/// Opens a model with the codec it is of.
fn model(bytes: &[u8]) -> nc::Result<()> {
    let model = Model::from_bytes(bytes.to_vec(), &mut Budget::default())?;
    let registry = nc_codecs::registry();
    let codec = model.meta("codec").unwrap_or_default().to_owned();
    let entry = registry
        .by_name(&codec)
        .map_err(|e| Error::Model(e.to_string()))?;
    (entry.open)(Some(&model)).map(drop)
}

/// SHA-256 of the hashes of each chunk's symbols, 8 bytes each.
fn symbols(file: &[u8], opener: &dyn nc::Opener) -> nc::Result<String> {
    let mut archive = Archive::open(std::io::Cursor::new(file), Budget::default())?;
    let header = *archive.header();
    let codec = opener.open(header.codec, header.model)?;
    let mut all = Vec::new();
    for i in 0..archive.entries().len() {
        let (head, payload) = archive.payload_of(i)?;
        let (mut budget, mut ctl) = (Budget::default(), Control::default());
        let (_, encoded) = codec.decode(&payload, &head, &mut budget, &mut ctl)?;
        all.extend(encoded.symbols.to_le_bytes());
    }
    Ok(sha256(&all))
}

/// The name that the list of faulty files has for an error.
fn kind_of(e: &Error) -> &'static str {
    match e {
        Error::Io(_) => "Io",
        Error::Format(_) => "Format",
        Error::Unsupported(_) => "Unsupported",
        Error::Limit(_) => "Limit",
        Error::Model(_) => "Model",
        Error::Usage(_) => "Usage",
        _ => "another",
    }
}

/// Lines of a word, two spaces and a name, by name.
pub fn list(path: &std::path::Path) -> Result<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let pairs = text.lines().filter_map(|l| l.split_once("  "));
    Ok(pairs
        .map(|(word, name)| (name.to_owned(), word.to_owned()))
        .collect())
}
