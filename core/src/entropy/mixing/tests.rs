#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;
use crate::Result;

fn shape() -> Model {
    let sets = [3, 2];
    Model::new(&[5, 40], 1, &sets, 255, Rate::MEDIUM).unwrap()
}

/// A decision, its two contexts, an input from outside and two choices.
type Decision = (bool, usize, usize, i16, usize, usize);

fn code<B: Bits>(m: &mut Model, io: &mut B, all: &[Decision]) -> Vec<bool> {
    all.iter()
        .map(|(bit, a, b, x, s, t)| m.code(io, *bit, &[*a, *b], &[*x], &[*s, *t]).unwrap())
        .collect()
}

fn decisions() -> impl Strategy<Value = Vec<Decision>> {
    let one = (
        0u32..100,
        0usize..5,
        0usize..40,
        -2880i16..=2880,
        0usize..3,
        0usize..2,
    );
    (1u32..100, prop::collection::vec(one, 0..2000)).prop_map(|(skew, all)| {
        let each = all.into_iter();
        each.map(|(p, a, b, x, s, t)| (p < skew, a, b, x, s, t))
            .collect()
    })
}

proptest! {
    #[test]
    fn decisions_come_back_and_cost_what_was_counted(all in decisions()) {
        let mut io = Encoder::new();
        code(&mut shape(), &mut io, &all);
        let bytes = io.finish();
        let mut cost = Cost::default();
        code(&mut shape(), &mut cost, &all);
        let real = bytes.len() as f64 * 8.0;
        prop_assert!(real <= cost.bits * 1.002 + 40.0, "{real} {}", cost.bits);
        prop_assert!(real >= cost.bits * 0.998 - 40.0, "{real} {}", cost.bits);
        let asked: Vec<Decision> = all.iter().map(|d| (false, d.1, d.2, d.3, d.4, d.5)).collect();
        let back = code(&mut shape(), &mut Decoder::new(&bytes), &asked);
        prop_assert!(back.iter().zip(&all).all(|(b, a)| *b == a.0));
        // Cut or foreign bytes give some decisions.
        code(&mut shape(), &mut Decoder::new(&bytes[..bytes.len() / 2]), &asked);
    }

    #[test]
    fn bits_of_any_probability_come_back(all in prop::collection::vec((any::<bool>(), 0u32..70_000), 0..3000)) {
        let mut io = Encoder::new();
        all.iter().for_each(|(bit, p)| { io.bit(*bit, *p); });
        let bytes = io.finish();
        let mut io = Decoder::new(&bytes);
        for (bit, p) in &all {
            prop_assert_eq!(io.bit(false, *p), *bit);
        }
    }

    #[test]
    fn a_saved_state_goes_on_as_the_one_that_it_was(all in decisions(), more in decisions()) {
        let mut m = shape();
        code(&mut m, &mut Cost::default(), &all);
        let mut bytes = Vec::new();
        m.save(&mut bytes);
        let mut n = shape();
        n.load(&mut &bytes[..]).unwrap();
        let (mut a, mut b) = (Encoder::new(), Encoder::new());
        code(&mut m, &mut a, &more);
        code(&mut n, &mut b, &more);
        prop_assert_eq!(a.finish(), b.finish());
        prop_assert!(shape().load(&mut &bytes[1..]).is_err());
    }

    #[test]
    fn slots_find_what_they_were_given(hashes in prop::collection::vec(any::<u32>(), 1..200)) {
        let mut s = Slots::new(20);
        for h in &hashes {
            let slot = s.find(*h);
            for node in 1..16 {
                *s.node_mut(slot, node) = 7;
            }
            let again = s.find(*h);
            prop_assert_eq!(again, slot);
            prop_assert_eq!(s.node(again, 15), 7);
        }
    }
}

#[test]
fn what_repeats_costs_next_to_nothing() {
    let mut cost = Cost::default();
    code(&mut shape(), &mut cost, &[(true, 1, 2, 0, 0, 0); 5000]);
    assert!(cost.bits < 60.0, "{}", cost.bits);
}

/// Where every input is as large as can be and now and then wrong, a bounded step keeps what it costs near to what it
/// must.
#[test]
fn flat_areas_do_not_blow_up() -> Result<()> {
    let rate = Rate {
        start: 32767,
        floor: 32767,
        slowness: 0,
    };
    let mut m = Mixer::new(200, &[1, 1], 1, rate)?;
    let mut cost = Cost::default();
    for i in 0..20_000 {
        let bit = i % 100 == 0;
        m.inputs().fill(-2307);
        let p = squash(m.mix(&[0, 0], 0)?);
        cost.bit(bit, p);
        m.update(bit)?;
    }
    // 200 events of one in a hundred: 1616 bits at least.
    assert!(cost.bits < 2500.0, "{}", cost.bits);
    Ok(())
}

/// The same bits on every machine: this was computed once and stays.
#[test]
fn the_arithmetic_is_frozen() -> Result<()> {
    let mut m = shape();
    let mut io = Encoder::new();
    let mut s = 1u32;
    for i in 0..4000usize {
        s = s.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let r = (s >> 16) as usize;
        let x = (r % 5761) as i16 - 2880;
        m.code(
            &mut io,
            r % 7 < i % 5,
            &[i % 5, r % 40],
            &[x],
            &[i % 3, i % 2],
        )?;
    }
    let bytes = io.finish();
    assert_eq!((bytes.len(), crc32c::crc32c(&bytes)), (361, 478_069_854));
    Ok(())
}
