//! What is coded comes back, costs what the circuit says, and is the same bytes at every level and
//! number of threads.
#![cfg(feature = "train")]
#![allow(clippy::unwrap_used)]

use nc_circuit::learn::{Em, hidden_chow_liu, log_likelihoods, start};
use nc_circuit::{Circuit, Frozen, Records};
use nc_kernels::{Kernels, Level};

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
    let tree = hidden_chow_liu(records, 6).unwrap();
    let mut circuit = start(tree, records, 1).unwrap();
    let mut em = Em::new(&circuit, records);
    em.prior = (1e-4, 1e-2);
    let rows: Vec<&[u16]> = records.rows().collect();
    for _ in 0..20 {
        em.step(&mut circuit, &rows, 1.0);
    }
    circuit
}

fn flat(records: &Records) -> Vec<u16> {
    records.rows().flatten().copied().collect()
}

#[test]
fn records_come_back_at_the_price_of_their_likelihood() {
    let records = some(3000);
    let circuit = learnt(&records);
    let frozen = Frozen::new(&circuit).unwrap();
    let values = flat(&records);
    for group in [1, 7, 100_000] {
        let coded = frozen.encode(&values, group).unwrap();
        let views: Vec<&[u8]> = coded.iter().map(Vec::as_slice).collect();
        assert_eq!(frozen.decode(&views, records.len(), group).unwrap(), values);
        if group > records.len() {
            let bits: f64 =
                log_likelihoods(&circuit, &records).iter().sum::<f64>() / -std::f64::consts::LN_2;
            let size = coded.iter().map(Vec::len).sum::<usize>() as f64 * 8.0;
            assert!((size / bits - 1.0).abs() < 0.005, "{size} against {bits}");
        }
    }
}

#[test]
fn bytes_are_the_same_at_every_level_and_number_of_threads() {
    let records = some(600);
    let circuit = learnt(&records);
    let values = flat(&records);
    let best = Frozen::new(&circuit).unwrap().encode(&values, 2).unwrap();
    for level in Level::available() {
        let frozen = Frozen::with_kernels(&circuit, Kernels::new(*level).unwrap()).unwrap();
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            assert_eq!(pool.install(|| frozen.encode(&values, 2)).unwrap(), best);
        }
        // One record alone: the same bytes as among others.
        let d = records.variables().len();
        let alone = frozen.encode(&values[..2 * d], 2).unwrap();
        assert_eq!(alone[0], best[0]);
    }
}

#[test]
fn wrong_records_and_any_bytes_are_no_panic() {
    let records = some(300);
    let frozen = Frozen::new(&learnt(&records)).unwrap();
    let mut values = flat(&records);
    assert!(frozen.encode(&values[1..], 1).is_err());
    assert!(frozen.encode(&values, 0).is_err());
    values[0] = 2;
    assert!(frozen.encode(&values, 1).is_err());
    assert!(frozen.decode(&[&[]], 2, 1).is_err());
    for seed in 0..200u32 {
        let bytes: Vec<u8> = (0..seed % 40)
            .map(|i| (seed.wrapping_mul(2_654_435_761u32.wrapping_mul(i + 1)) >> 13) as u8)
            .collect();
        // Garbage decodes to garbage or an error; the container's hash tells them from records.
        let _ = frozen.decode(&[&bytes], 3, 3);
    }
}
