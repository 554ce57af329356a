//! What is coded comes back, costs what the circuit says, and is the same bytes at every level and
//! number of threads.
#![cfg(feature = "train")]
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::io::Cursor;

use nc_circuit::learn::{Em, Smoothing, hidden_chow_liu, log_likelihoods, start, with_bins};
use nc_circuit::{Circuit, CircuitCodec, Frozen, Records, Stored, Texts};
use nc_core::{
    AnyCodec, Budget, ChunkHead, Codec, Control, Error, Family as _, Format, Goal, Model, Part,
    RecordsBuf, RecordsFormat, Signal, SignalBuf, Text,
};
use nc_kernels::{Kernels, Level};
use ndarray::Array2;

/// Records of twelve variables of many sizes that hang together, from a counter's hash.
fn some(n: usize) -> Records {
    let alphabets: Vec<u32> = vec![2, 3, 256, 7, 16, 300, 2, 2, 5, 1000, 65_536, 9];
    let mut values = Vec::new();
    let mut state = 1u64;
    for _ in 0..n {
        let mut next = |n: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(99);
            (state >> 40) % n
        };
        let hidden = next(5);
        values.extend(alphabets.iter().map(|a| {
            let spread = next(1 + u64::from(*a) / 6);
            ((hidden * 7919 + spread) % u64::from(*a)) as u16
        }));
    }
    Records::new(alphabets, values).unwrap()
}

fn learnt(records: &Records) -> Circuit {
    let tree = hidden_chow_liu(records, 12).unwrap();
    let tree = with_bins(tree, records, 4).unwrap();
    let mut circuit = start(tree, records, 1).unwrap();
    let mut em = Em::new(&circuit, records, Some(Smoothing::default()), &[]);
    let rows: Vec<&[u16]> = records.rows().collect();
    for _ in 0..20 {
        em.step(&mut circuit, &rows, 1.0);
    }
    circuit
}

fn flat(records: &Records) -> RecordsBuf {
    let values: Vec<u16> = records.rows().flatten().copied().collect();
    let shape = (records.len(), records.variables().len());
    RecordsBuf {
        values: Array2::from_shape_vec(shape, values).unwrap(),
        texts: Vec::new(),
    }
}

fn decode(frozen: &Frozen, coded: &[Vec<u8>], records: usize, group: usize) -> RecordsBuf {
    let views: Vec<&[u8]> = coded.iter().map(Vec::as_slice).collect();
    let mut budget = Budget::default();
    frozen
        .decode(&views, records, group, None, &mut budget, &|| Ok(()))
        .unwrap()
}

#[test]
fn records_come_back_at_the_price_of_their_likelihood() {
    let records = some(3000);
    let circuit = learnt(&records);
    let frozen = Frozen::new(&circuit).unwrap();
    let all = flat(&records);
    for group in [1, 7, 100_000] {
        let coded = frozen.encode(all.view(), group).unwrap();
        assert_eq!(decode(&frozen, &coded, records.len(), group), all);
        let bits: f64 =
            log_likelihoods(&circuit, &records).iter().sum::<f64>() / -std::f64::consts::LN_2;
        let size = coded.iter().map(Vec::len).sum::<usize>() as f64 * 8.0;
        if group > records.len() {
            assert!((size / bits - 1.0).abs() < 0.005, "{size} against {bits}");
        } else if group == 1 {
            // A record alone pays for its end: a byte or so.
            let end = (size - bits) / 8.0 / records.len() as f64;
            assert!(end < 1.3, "{end} bytes");
        }
    }
}

#[test]
fn bytes_are_the_same_at_every_level_number_of_threads_and_batch() {
    let records = some(600);
    let circuit = learnt(&records);
    let all = flat(&records);
    let best = Frozen::new(&circuit)
        .unwrap()
        .encode(all.view(), 2)
        .unwrap();
    let views: Vec<&[u8]> = best.iter().map(Vec::as_slice).collect();
    for level in Level::available() {
        let frozen = Frozen::with_kernels(&circuit, Kernels::new(*level).unwrap()).unwrap();
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| {
                assert_eq!(frozen.encode(all.view(), 2).unwrap(), best);
                // The second budget has room for few records side by side.
                for budget in [1 << 30, 40_000] {
                    let mut budget = Budget::new(budget);
                    let back = frozen
                        .decode(&views, 600, 2, None, &mut budget, &|| Ok(()))
                        .unwrap();
                    assert_eq!(back, all);
                }
            });
        }
        // One record alone: the same bytes as among others.
        let alone = all.view().rows(0, 2).unwrap();
        assert_eq!(frozen.encode(alone.view(), 2).unwrap()[0], best[0]);
    }
}

#[test]
fn wrong_records_and_any_bytes_are_no_panic() {
    let records = some(300);
    let frozen = Frozen::new(&learnt(&records)).unwrap();
    let mut all = flat(&records);
    let narrow = all.values.slice(ndarray::s![.., 1..]);
    let narrow = nc_core::Records {
        values: narrow,
        texts: &[],
    };
    assert!(matches!(frozen.encode(narrow, 1), Err(Error::Usage(_))));
    all.values[[0, 0]] = 2;
    assert!(matches!(frozen.encode(all.view(), 1), Err(Error::Usage(_))));
    let mut budget = Budget::default();
    assert!(
        frozen
            .decode(&[&[]], 2, 1, None, &mut budget, &|| Ok(()))
            .is_err()
    );
    let small = frozen.decode(&[&[]], 1, 1, None, &mut Budget::new(50), &|| Ok(()));
    assert!(matches!(small, Err(Error::Limit(_))));
    for seed in 0..200u32 {
        let bytes: Vec<u8> = (0..seed % 40)
            .map(|i| (seed.wrapping_mul(2_654_435_761u32.wrapping_mul(i + 1)) >> 13) as u8)
            .collect();
        // Garbage decodes to garbage or an error; the container's hash tells them from records.
        let _ = frozen.decode(&[&bytes], 3, 3, None, &mut budget, &|| Ok(()));
    }
}

/// A model file with texts at variable 0 (its value 1) and 8 (value 4), and records for it.
fn with_texts(first: usize) -> (Model, RecordsBuf) {
    let records = some(500);
    let mut stored = Stored::new(learnt(&records));
    stored.first = first;
    stored.open[0] = Some(1);
    stored.open[8] = Some(4);
    let mut all = flat(&records);
    for (row, values) in all.values.rows().into_iter().enumerate() {
        for (variable, open) in [(0, 1), (8, 4)] {
            if values[variable] == open {
                all.texts.push(Text {
                    row,
                    bytes: format!("text {row} of {variable}").into_bytes(),
                });
            }
        }
    }
    stored.texts = Texts::count(all.texts.iter().map(|t| t.bytes.as_slice()));
    let bytes = stored.to_bytes(&BTreeMap::new()).unwrap();
    let model = Model::from_bytes(bytes, &mut Budget::default()).unwrap();
    (model, all)
}

#[test]
fn a_file_gives_back_records_and_texts_whole_and_in_part() {
    for (first, group) in [(0, 16), (0, 1), (5, 16), (5, 1)] {
        whole_and_in_part(first, group);
    }
}

fn whole_and_in_part(first: usize, group: u32) {
    let (model, all) = with_texts(first);
    assert!(all.texts.len() > 100);
    let codec = CircuitCodec::new(&model, Kernels::best()).unwrap();
    let order: Vec<usize> = codec.frozen().order().collect();
    let codec = AnyCodec::from(codec);
    let mut ctl = Control::default();
    ctl.options.set("group", group.to_string());
    let format = Format::Records(RecordsFormat { variables: 12 });
    let mut encoder =
        nc_core::Encoder::new(Vec::new(), &codec, format, Some(500), Goal::Exact).unwrap();
    encoder.push(Signal::Records(all.view()), &mut ctl).unwrap();
    let file = encoder.finish(&mut ctl).unwrap().0;
    let opener = |_, id| {
        assert_eq!(id, Some(model.id));
        nc_circuit::Family.open(Some(&model))
    };
    let back = nc_core::decode(&opener, &file, Budget::default()).unwrap();
    assert_eq!(back, SignalBuf::Records(all.clone()));
    let mut archive = nc_core::Archive::open(Cursor::new(&file), Budget::default()).unwrap();
    for (from, to) in [(0, 1), (17, 18), (30, 100), (499, 500)] {
        let mut got = Vec::new();
        archive
            .decode_range(from as u64..to as u64, &opener, &mut ctl, &mut |y| {
                got.push(y);
                Ok(())
            })
            .unwrap();
        assert_eq!(
            got,
            [SignalBuf::Records(all.view().rows(from, to).unwrap())]
        );
    }
    // The first variable in coding order alone, and all up to the last.
    for n in [1, 5, order.len()] {
        let part = Part {
            units: 100..140,
            variables: Some(order[..n].to_vec()),
        };
        let mut seen = false;
        archive
            .decode_part(&part, &opener, &mut ctl, &mut |y| {
                let SignalBuf::Records(y) = y else { panic!() };
                for (got, row) in y.values.rows().into_iter().zip(100..) {
                    for v in &order[..n] {
                        assert_eq!(got[*v], all.values[[row, *v]]);
                    }
                }
                seen = true;
                Ok(())
            })
            .unwrap();
        assert!(seen);
    }
    // Texts that do not go with the values.
    let mut wrong = all.clone();
    wrong.texts.pop();
    assert!(nc_core::encode(&codec, Signal::Records(wrong.view()), format, Goal::Exact).is_err());
    wrong.texts = all.texts.clone();
    wrong.texts[3].row += 1;
    assert!(nc_core::encode(&codec, Signal::Records(wrong.view()), format, Goal::Exact).is_err());
}

#[test]
fn damaged_files_and_models_fail_well() {
    let (model, all) = with_texts(0);
    let codec = CircuitCodec::new(&model, Kernels::best()).unwrap();
    let format = RecordsFormat { variables: 12 };
    let any = AnyCodec::from(CircuitCodec::new(&model, Kernels::best()).unwrap());
    let file = nc_core::encode(
        &any,
        Signal::Records(all.view()),
        Format::Records(format),
        Goal::Exact,
    )
    .unwrap();
    let opener = |_, _| nc_circuit::Family.open(Some(&model));
    for at in (0..file.len()).step_by(file.len() / 40) {
        let mut bad = file.clone();
        bad[at] ^= 0x20;
        assert!(
            nc_core::decode(&opener, &bad, Budget::default()).is_err(),
            "{at}"
        );
        assert!(nc_core::decode(&opener, &file[..at], Budget::default()).is_err());
    }
    // Payloads whose checksum is right: any index, any bytes.
    let head = ChunkHead {
        format,
        first: 0,
        units: 40,
    };
    let mut ctl = Control::default();
    for seed in 0..300u32 {
        let bytes: Vec<u8> = (0..seed % 60)
            .map(|i| (seed.wrapping_mul(2_654_435_761u32.wrapping_mul(i + 3)) >> 11) as u8 % 32)
            .collect();
        let mut budget = Budget::new(1 << 20);
        let _ = codec.decode(&bytes, &head, &mut budget, &mut ctl);
    }
    let huge = ChunkHead {
        units: u64::MAX,
        ..head
    };
    let r = codec.decode(&[255; 9], &huge, &mut Budget::default(), &mut ctl);
    assert!(r.is_err());
    // Another shape than the model's.
    let other = ChunkHead {
        format: RecordsFormat { variables: 11 },
        ..head
    };
    let r = codec.decode(&[16, 0], &other, &mut Budget::default(), &mut ctl);
    assert!(matches!(r, Err(Error::Unsupported(_))));

    let whole = Stored::read(&model).unwrap();
    let bytes = whole.to_bytes(&BTreeMap::new()).unwrap();
    let load = |bytes: Vec<u8>| {
        let model = Model::from_bytes(bytes, &mut Budget::default())?;
        CircuitCodec::new(&model, Kernels::best())
    };
    assert!(load(bytes.clone()).is_ok());
    for at in (0..bytes.len()).step_by(bytes.len() / 60) {
        let mut bad = bytes.clone();
        bad[at] = bad[at].wrapping_add(113);
        // Another table is another model; it must not panic.
        let _ = load(bad);
        let cut = load(bytes[..at].to_vec());
        assert!(matches!(cut, Err(Error::Model(_))), "{at}");
    }
}
