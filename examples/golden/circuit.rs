//! A circuit's model and files of records by it.

use std::path::Path;

use nc_core::{Budget, Encoder, Format, Goal, Model, RecordsFormat, Signal};
use nc_corpora::synth;
use ndarray::Array2;

use crate::{Outcome, put};

/// A model with vertices of many kinds and texts, unless it is there, and files that need it.
pub fn files(golden: &Path, name: &str, first: usize) -> Outcome<()> {
    use nc_circuit::{Stored, Texts, Tree, learn};
    let alphabets = vec![2, 256, 5, 3000, 17, 2, 300, 12];
    let mut rng = synth::Rng::new(41);
    let mut records = |n: usize| {
        let mut values = Vec::new();
        for _ in 0..n {
            let hidden = rng.bits() % 4;
            for a in &alphabets {
                let spread = rng.bits() % (1 + u64::from(*a) / 5);
                values.push(((hidden * 61 + spread) % u64::from(*a)) as u16);
            }
        }
        values
    };
    let data = nc_circuit::Records::new(alphabets.clone(), records(2000))?;
    let path = golden.join(format!("{name}.ncm"));
    // Variable 2 has texts where it is 4.
    let text = |row: usize| format!("text {}", row * row).into_bytes();
    if !path.exists() {
        let parents = [
            None,
            Some(0),
            Some(1),
            Some(1),
            Some(0),
            Some(4),
            Some(5),
            Some(4),
            Some(7),
        ];
        let states = [3, 4, 18, 1, 5, 33, 2, 16, 6];
        let variables = [
            None,
            Some(3),
            Some(1),
            Some(0),
            Some(2),
            Some(6),
            Some(4),
            Some(5),
            Some(7),
        ];
        let mut tree = Tree::from_parents(&parents, &states, &variables)?;
        // The one without bins has a stream of first variables.
        if first == 0 {
            tree = learn::with_bins(tree, &data, 4)?;
        }
        let mut circuit = learn::start(tree, &data, 7)?;
        let mut em = learn::Em::new(&circuit, &data, None, &[]);
        let rows: Vec<&[u16]> = data.rows().collect();
        for _ in 0..30 {
            em.step(&mut circuit, &rows, 1.0);
        }
        let mut stored = Stored::new(circuit);
        stored.open[2] = Some(4);
        stored.first = first;
        stored.texts = Texts::count(
            (0..50)
                .map(text)
                .collect::<Vec<_>>()
                .iter()
                .map(Vec::as_slice),
        );
        std::fs::write(&path, stored.to_bytes(&Default::default())?)?;
    }
    let model = Model::from_bytes(std::fs::read(&path)?, &mut Budget::default())?;
    let registry = nc::registry();
    let codec = registry.open_for_encoding(registry.by_name("circuit")?, Some(&model))?;
    for (n, group) in [(0, 16), (1, 16), (70, 1), (300, 16)] {
        let values = Array2::from_shape_vec((n, 8), records(n))?;
        let texts = (0..n)
            .filter(|row| values[[*row, 2]] == 4)
            .map(|row| nc_core::Text {
                row,
                bytes: text(row),
            });
        let records = nc_core::RecordsBuf {
            texts: texts.collect(),
            values,
        };
        let mut ctl = nc_core::Control::default();
        ctl.options.set("group", group.to_string());
        let format = Format::Records(RecordsFormat { variables: 8 });
        let mut e = Encoder::new(Vec::new(), &codec, format, Some(n as u64), Goal::Exact)?;
        e.push(Signal::Records(records.view()), &mut ctl)?;
        put(golden, &format!("{name}-{n}.nc"), &e.finish(&mut ctl)?.0)?;
    }
    Ok(())
}
