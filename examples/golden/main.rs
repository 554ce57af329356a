//! Makes golden and faulty files of the current format; never touches one that is there.
//!
//! `golden GOLDEN FAULTY` writes into these folders, with the models `*.ncm` of GOLDEN and the
//! default one, and adds a line for each new file to `golden.sha256` (its output), `symbols.sha256` (the hashes of
//! its chunks' symbols) or `errors.txt` (what it must be refused with). A golden file is for ever: every later version
//! must decode it to the same bits.
#![allow(clippy::indexing_slicing, reason = "it makes files of its own")]

mod circuit;
mod faults;
mod picture;
mod sound;
mod video;

use std::path::Path;

use nc_core::{Budget, Control, Encoder, Format, Goal, Model, Signal};
use nc_corpora::golden;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().collect();
    let [_, golden, faulty] = args.as_slice() else {
        return Err("golden GOLDEN FAULTY".into());
    };
    let (golden, faulty) = (Path::new(golden), Path::new(faulty));
    let registry = nc::registry();
    let store = registry.open_for_encoding(registry.by_name("store")?, None)?;
    let stored =
        |bytes: &[u8]| nc_core::encode(&store, Signal::Bytes(bytes), Format::Bytes, Goal::Exact);
    let bytes: Vec<u8> = (0..3000u32).map(|i| ((i * i) >> 7) as u8).collect();
    put(golden, "store.nc", &stored(&bytes)?)?;
    put(golden, "store-empty.nc", &stored(&[])?)?;

    let bytes: Vec<u8> = (0..700u32).map(|i| (i * i / 11) as u8).collect();
    let mut e = Encoder::new(Vec::new(), &store, Format::Bytes, None, Goal::Exact)?;
    e.add_meta(*b"test", b"kept beside the bytes");
    e.push(Signal::Bytes(&bytes), &mut Control::default())?;
    put(
        golden,
        "store-pipe.nc",
        &e.finish(&mut Control::default())?.0,
    )?;
    let one = stored(&[7])?;
    put(golden, "store-one.nc", &one)?;

    sound::golden(golden)?;
    sound::more(golden)?;
    for (name, first) in [("circuit", 0), ("circuit-first", 4)] {
        circuit::files(golden, name, first)?;
    }
    picture::files(golden)?;
    video::files(golden, faulty)?;
    for name in [
        "store-one",
        "tiny-speech",
        "circuit-70",
        "nerv-raw",
        "nerv-ten-bits",
    ] {
        let file = std::fs::read(golden.join(format!("{name}.nc")))?;
        let later = nc_corpora::raw::later(&file, 300).ok_or("no single-chunk file")?;
        put(golden, &format!("{name}-later.nc"), &later)?;
    }

    faults::damaged(golden, faulty)?;
    faults::hostile(golden, faulty)
}

/// Writes a file unless it is there, and the lines of the lists it belongs to.
fn put(folder: &Path, name: &str, bytes: &[u8]) -> Outcome<()> {
    let path = folder.join(name);
    if path.exists() {
        eprintln!("{name} stays");
    } else {
        std::fs::write(&path, bytes)?;
    }
    let bytes = std::fs::read(&path)?;
    // Faulty files name models of the golden folder.
    let models = std::fs::read_dir(folder.with_file_name("golden"))?
        .filter_map(|e| std::fs::read(e.ok()?.path()).ok())
        .filter_map(|b| Model::from_bytes(b, &mut Budget::default()).ok());
    let registry = models.fold(nc::registry(), nc_core::Registry::with_model);
    match golden::refused(name, &bytes, &registry) {
        Some(e) => list(folder, "errors.txt", golden::kind(&e), name),
        None => {
            let (output, symbols) = (
                golden::output(&bytes, &registry)?,
                golden::symbols(&bytes, &registry)?,
            );
            list(folder, "golden.sha256", &output, name)?;
            list(folder, "symbols.sha256", &symbols, name)
        }
    }
}

/// Adds a line to a list, unless the name has one.
fn list(folder: &Path, list: &str, word: &str, name: &str) -> Outcome<()> {
    let path = folder.join(list);
    let mut text = std::fs::read_to_string(&path).unwrap_or_default();
    if !text.lines().any(|l| l.ends_with(&format!("  {name}"))) {
        text += &format!("{word}  {name}\n");
        std::fs::write(path, text)?;
    }
    Ok(())
}
