//! Models and payloads that ask for too much, or for what there is not.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use std::collections::BTreeMap;

use nc_circuit::{Circuit, CircuitCodec, Stored, Tree, Vertex};
use nc_core::container::put_varint;
use nc_core::{
    Budget, ChunkGoal, ChunkHead, Codec, Control, Error, Model, Part, RecordsBuf, RecordsFormat,
};
use nc_kernels::Kernels;
use ndarray::Array2;

/// A model file of this structure and of tables of halves.
fn file(config: &str, edges: &[u16], leaves: &[u16]) -> Vec<u8> {
    let (a, b) = (2 * edges.len(), 2 * (edges.len() + leaves.len()));
    let config = config.replace('"', "\\\"");
    let header = format!(
        r#"{{"__metadata__":{{"codec":"circuit","config":"{config}"}},"edges":{{"dtype":"F16","shape":[{}],"data_offsets":[0,{a}]}},"leaves":{{"dtype":"F16","shape":[{}],"data_offsets":[{a},{b}]}}}}"#,
        edges.len(),
        leaves.len()
    );
    let mut out = (header.len() as u64).to_le_bytes().to_vec();
    out.extend_from_slice(header.as_bytes());
    out.extend(edges.iter().chain(leaves).flat_map(|x| x.to_le_bytes()));
    out
}

fn load(bytes: Vec<u8>) -> nc_core::Result<CircuitCodec> {
    let model = Model::from_bytes(bytes, &mut Budget::new(64 << 20))?;
    CircuitCodec::new(&model, Kernels::best())
}

/// One half in halves.
const HALF: u16 = 0x3800;

const GOOD: &str = r#"{"parents":[-1,0],"states":[1,2],"variables":[0,1],"alphabets":[2,2],"open":[-1,-1],"first":0}"#;

#[test]
fn tables_that_are_no_probabilities_are_refused() {
    // The root's prior and the edge; a leaf of two values for one state and for two.
    let tables = [[HALF; 3].as_slice(), &[HALF; 6]];
    load(file(GOOD, tables[0], tables[1])).unwrap();
    // NaN, both infinities, minus one half, two, and the greatest half.
    for bad in [0x7e00, 0x7c00, 0xfc00, 0xb800, 0x4000, 0x7bff] {
        for which in 0..2 {
            let mut tables = tables.map(<[u16]>::to_vec);
            tables[which][1] = bad;
            let e = load(file(GOOD, &tables[0], &tables[1]));
            assert!(matches!(e, Err(Error::Model(_))), "{bad:#x} {which}");
        }
    }
    for (edges, leaves) in [(2, 6), (4, 6), (3, 5), (3, 7), (0, 6)] {
        let e = load(file(GOOD, &vec![HALF; edges], &vec![HALF; leaves]));
        assert!(matches!(e, Err(Error::Model(_))), "{edges} {leaves}");
    }
}

/// Vertices of one state take many times the bytes that describe them.
#[test]
fn a_structure_of_many_vertices_is_charged_before_it_is_made() {
    let n = 20_000;
    let list = |first: &str, other: String, n: usize| {
        format!("[{}]", [first.into(), vec![other; n].join(",")].join(","))
    };
    let variables: Vec<String> = (0..n).map(|i| i.to_string()).collect();
    let config = format!(
        r#"{{"parents":{},"states":{},"variables":[-1,{}],"alphabets":{},"open":{},"first":0}}"#,
        list("-1", "0".into(), n),
        list("1", "1".into(), n),
        variables.join(","),
        list("2", "2".into(), n - 1),
        list("-1", "-1".into(), n - 1),
    );
    let bytes = file(&config, &vec![HALF; n + 1], &vec![HALF; 2 * n]);
    // Enough for the file and for reading its header.
    let most = bytes.len() + 36 * config.len();
    let model = Model::from_bytes(bytes.clone(), &mut Budget::new(most as u64)).unwrap();
    let e = Stored::read(&model).map(|_| ());
    assert!(matches!(e, Err(Error::Limit(_))), "{e:?}");
    let model = Model::from_bytes(bytes, &mut Budget::default());
    CircuitCodec::new(&model.unwrap(), Kernels::best()).unwrap();
}

/// Tables of zeros, or such as give a value to no state, are odd but whole: what they code comes back.
#[test]
fn tables_of_nothing_code_all_the_same() {
    for (edge, leaf) in [(0, HALF), (HALF, 0), (0, 0)] {
        let codec = load(file(GOOD, &[edge; 3], &[leaf; 6])).unwrap();
        let values = Array2::from_shape_fn((9, 2), |(r, v)| (r / (v + 1) % 2) as u16);
        let records = RecordsBuf {
            values,
            texts: Vec::new(),
        };
        let coded = codec.frozen().encode(records.view(), 4).unwrap();
        let streams: Vec<&[u8]> = coded.iter().map(Vec::as_slice).collect();
        let mut budget = Budget::new(1 << 20);
        let back = codec
            .frozen()
            .decode(&streams, 9, 4, None, &mut budget, &|| Ok(()));
        assert_eq!(back.unwrap(), records);
    }
}

#[test]
fn structures_that_cannot_be_are_refused() {
    let with = |from: &str, to: &str| {
        assert!(GOOD.contains(from), "{from}");
        load(file(&GOOD.replace(from, to), &[HALF; 3], &[HALF; 6]))
    };
    for (from, to) in [
        // Parents that are oneself, later, or none twice.
        ("[-1,0]", "[0,0]"),
        ("[-1,0]", "[-1,1]"),
        ("[-1,0]", "[1,-1]"),
        ("[-1,0]", "[-1,-1]"),
        ("[-1,0]", "[-1,2147483647]"),
        ("[-1,0]", "[-1,0,1]"),
        // No states, or more than there is memory for.
        ("[1,2]", "[1,0]"),
        ("[1,2]", "[4294967295,4294967295]"),
        ("[1,2]", "[1,2147483648]"),
        ("[1,2]", "[1,-2]"),
        // Variables that are none, the same, or far off.
        (r#""variables":[0,1]"#, r#""variables":[0,0]"#),
        (r#""variables":[0,1]"#, r#""variables":[0,2147483647]"#),
        (r#""variables":[0,1]"#, r#""variables":[-1,-1]"#),
        (r#""alphabets":[2,2]"#, r#""alphabets":[2,1]"#),
        (r#""alphabets":[2,2]"#, r#""alphabets":[2,65537]"#),
        (r#""alphabets":[2,2]"#, r#""alphabets":[2,4294967295]"#),
        (r#""alphabets":[2,2]"#, r#""alphabets":[2,2,2]"#),
        ("[-1,-1]", "[-1,2]"),
        ("[-1,-1]", "[-1]"),
        (r#""first":0"#, r#""first":2"#),
        (r#""first":0"#, r#""first":18446744073709551615"#),
        // Bins of nothing, too few, and more than can be counted.
        (r#""first":0"#, r#""first":0,"bins":[[],[[1,1],[0,1]]]"#),
        (r#""first":0"#, r#""first":0,"bins":[[],[[1,2]]]"#),
        (r#""first":0"#, r#""first":0,"bins":[[]]"#),
        (
            r#""first":0"#,
            r#""first":0,"bins":[[],[[4294967295,4294967295],[4294967295,4294967295]]]"#,
        ),
        // Twice the same name.
        (r#""first":0"#, r#""first":0,"first":0"#),
    ] {
        let e = with(from, to).map(|_| ());
        assert!(matches!(e, Err(Error::Model(_))), "{from} {to}: {e:?}");
    }
}

/// A million states would be a file of megabytes; more are refused even if the file is there.
#[test]
fn vertices_of_too_many_states_are_refused() {
    let n = (1 << 20) + 1;
    let config =
        format!(r#"{{"parents":[-1],"states":[{n}],"variables":[0],"alphabets":[2],"open":[-1]}}"#);
    let e = load(file(&config, &vec![0; n], &vec![0; 2 * n])).map(|_| ());
    assert!(matches!(e, Err(Error::Model(_))), "{e:?}");
}

/// One variable of two values, of which one asks for a text.
fn open() -> CircuitCodec {
    let tree = Tree::new(vec![Vertex {
        parent: None,
        states: 1,
        variable: Some(0),
    }])
    .unwrap();
    let circuit = Circuit::new(tree, vec![2], vec![vec![1.0]], vec![vec![0.5, 0.5]]).unwrap();
    let mut stored = Stored::new(circuit);
    stored.open[0] = Some(1);
    load(stored.to_bytes(&BTreeMap::new()).unwrap()).unwrap()
}

fn head(units: u64) -> ChunkHead<RecordsFormat> {
    ChunkHead {
        format: RecordsFormat { variables: 1 },
        first: 0,
        units,
    }
}

fn payload(codec: &CircuitCodec, rows: usize, group: u32) -> Vec<u8> {
    let text = |row| nc_core::Text {
        row,
        bytes: Vec::new(),
    };
    let records = RecordsBuf {
        values: Array2::ones((rows, 1)),
        texts: (0..rows).map(text).collect(),
    };
    let mut ctl = Control::default();
    ctl.options.set("group", group.to_string());
    let (x, mut out) = (records.view(), Vec::new());
    let head = head(rows as u64);
    codec
        .encode(x, &head, ChunkGoal::Exact, &mut ctl, &mut out)
        .unwrap();
    out
}

/// A text takes memory even if it is empty, and so does the place of a stream.
#[test]
fn empty_texts_and_streams_are_charged() {
    let codec = open();
    let n = 20_000;
    for (group, most) in [(16, n * 100), (1, n * 140)] {
        let bytes = payload(&codec, n as usize, group);
        let run = |budget| {
            let mut budget = Budget::new(budget);
            let head = head(n);
            codec.decode(&bytes, &head, &mut budget, &mut Control::default())
        };
        assert!(run(4 * most).is_ok());
        assert!(matches!(run(most), Err(Error::Limit(_))), "{group}");
    }
}

#[test]
fn rows_outside_a_chunk_are_refused() {
    let codec = open();
    let bytes = payload(&codec, 40, 16);
    let run = |from, to| {
        let part = Part {
            units: from..to,
            variables: None,
        };
        let mut budget = Budget::default();
        codec.decode_part(
            &bytes,
            &head(40),
            &part,
            &mut budget,
            &mut Control::default(),
        )
    };
    assert!(run(39, 40).is_ok() && run(40, 40).is_ok() && run(7, 7).is_ok());
    for (from, to) in [
        (5, 3),
        (40, 0),
        (0, 41),
        (u64::MAX, u64::MAX),
        (39, u64::MAX),
    ] {
        assert!(matches!(run(from, to), Err(Error::Usage(_))), "{from} {to}");
    }
}

/// A few bytes that say that they are very many records.
#[test]
fn records_beyond_the_budget_are_refused_before_any_work() {
    let codec = open();
    for group in [1, 2, 1 << 40, 1 << 63, u64::MAX] {
        for units in [1 << 40, 1 << 63, u64::MAX] {
            let mut bytes = Vec::new();
            put_varint(group, &mut bytes);
            bytes.extend([0; 8]);
            let mut budget = Budget::new(64 << 20);
            let e = codec.decode(&bytes, &head(units), &mut budget, &mut Control::default());
            let refused = matches!(e, Err(Error::Limit(_) | Error::Format(_)));
            assert!(refused, "{group} {units}");
        }
    }
}
