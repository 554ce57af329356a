//! Everything comes back; nothing that is damaged panics.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use nc_bytes::{MEMORY, Preset, decode, encode};
use proptest::prelude::*;

fn there_and_back(bytes: &[u8]) -> Vec<u8> {
    let mut sizes = Vec::new();
    for preset in [Preset::Fast, Preset::Medium] {
        let payload = encode(bytes, preset, MEMORY).unwrap();
        assert!(payload.len() <= bytes.len() + 1);
        assert_eq!(decode(&payload, bytes.len()).unwrap(), bytes);
        sizes.push(payload);
    }
    sizes.pop().unwrap()
}

fn random(n: usize) -> Vec<u8> {
    let mut s = 1u64;
    let mut next = || {
        s = s
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (s >> 56) as u8
    };
    (0..n).map(|_| next()).collect()
}

#[test]
fn corners() {
    there_and_back(b"");
    there_and_back(b"x");
    assert!(there_and_back(&[0; 100_000]).len() < 100);
    assert_eq!(there_and_back(&random(100_000)).len(), 100_001);
    let json = (0..2000).map(|i| format!("{{\"id\": {i}, \"name\": \"n{}\"}}\n", i * 7 % 100));
    let json: String = json.collect();
    assert!(there_and_back(json.as_bytes()).len() < 6000);
}

/// Calls from many places to one function, in code that repeats.
#[test]
fn machine_code() {
    let mut code = Vec::new();
    for i in 0..3000u32 {
        code.extend([
            0x48,
            0x89,
            0xc7 ^ (i % 3) as u8,
            0x48,
            0x8b,
            0x45,
            i as u8 & 0xf8,
            0xe8,
        ]);
        let to = 0x40_0000u32.wrapping_sub(code.len() as u32 + 4);
        code.extend(to.to_le_bytes());
        code.extend([0x0f, 0x84, 3, 0, 0, 0, 0xc3]);
    }
    assert!(there_and_back(&code).len() < 3000);
}

fn anything() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..3000),
        prop::collection::vec(0u8..4, 0..3000),
        "[a-z<>/=\"{}:,\\[\\] \n]{0,2000}".prop_map(String::into_bytes),
        prop::collection::vec(
            prop::sample::select(vec![0x48u8, 0x89, 0x8b, 0xe8, 0xe9, 0, 0xff, 0x0f]),
            0..3000
        ),
        (prop::collection::vec(any::<u8>(), 1..40), 1usize..80).prop_map(|(v, n)| v.repeat(n)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn everything_comes_back(bytes in anything()) {
        there_and_back(&bytes);
    }

    #[test]
    fn what_is_damaged_is_an_error_or_other_bytes(bytes in anything(), at in any::<usize>(), flip in 1u8.., cut in any::<usize>()) {
        for preset in [Preset::Fast, Preset::Medium] {
            let mut payload = encode(&bytes, preset, 18).unwrap();
            let n = payload.len();
            payload[at % n] ^= flip;
            let lengths = [bytes.len(), 0, 5000];
            for length in lengths {
                if let Ok(back) = decode(&payload, length) {
                    prop_assert_eq!(back.len(), length);
                }
                let _ = decode(&payload[..cut % n], length);
            }
        }
    }
}
