//! Layers by hand, and what a tape refuses.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use nc_core::Error;
use nc_learn::conv::{Window, conv, conv_transposed, depthwise, pixel_shuffle};
use nc_learn::*;

#[test]
fn convolutions_by_hand() {
    let tape = Tape::new();
    let n = |v: &[f32], dims| tape.input(v.to_vec(), dims).unwrap();
    let x = n(&[1.0, 2.0, 3.0, 4.0], [4, 1]);
    let (w, b) = (n(&[1.0, 10.0, 100.0], [1, 3]), n(&[0.5], [1, 1]));
    let at = |window| conv(&x, &w, &b, window, 1).unwrap().values().to_vec();
    assert_eq!(at(Window::time(4, 3)), [210.5, 321.5, 432.5, 43.5]);
    assert_eq!(
        at(Window::time(4, 3).causal()),
        [100.5, 210.5, 321.5, 432.5]
    );
    assert_eq!(at(Window::time(4, 3).stride([1, 2])), [210.5, 432.5]);
    assert_eq!(
        at(Window::time(4, 3).dilation([1, 2])),
        [310.5, 420.5, 31.5, 42.5]
    );
    let taps = n(&[1.0, 10.0, 100.0], [3, 1]);
    let same = depthwise(&x, &taps, &b, Window::time(4, 3)).unwrap();
    assert_eq!(same.values(), at(Window::time(4, 3)));
    // Two outputs of four samples each come back as sums of the kernel.
    let window = Window::time(4, 2).stride([1, 2]).pad([[0; 2]; 2]);
    let y = n(&[1.0, 2.0], [2, 1]);
    let up = conv_transposed(&y, &n(&[3.0, 5.0], [1, 2]), &n(&[0.0], [1, 1]), window).unwrap();
    assert_eq!(up.values(), [3.0, 5.0, 6.0, 10.0]);
    let image = n(&[0.0, 1.0, 10.0, 11.0, 2.0, 3.0, 12.0, 13.0], [2, 4]);
    let shuffled = pixel_shuffle(&image, [1, 2], 2).unwrap();
    assert_eq!(
        shuffled.values(),
        [0.0, 1.0, 2.0, 3.0, 10.0, 11.0, 12.0, 13.0]
    );
}

#[test]
fn wrong_sizes_are_errors() {
    let tape = Tape::new();
    let other = Tape::new();
    let x = tape.leaf(vec![1.0; 6].into(), [2, 3], true).unwrap();
    let is_internal = |r: nc_core::Result<Node<'_>>| matches!(r, Err(Error::Internal(_)));
    assert!(is_internal(tape.input(vec![1.0; 5], [2, 3])));
    assert!(is_internal(tape.input(vec![], [2, 0])));
    assert!(is_internal(linear::linear(
        &x,
        &x,
        &x.reshaped([3, 2]).unwrap()
    )));
    assert!(is_internal(arithmetic::gather(&x, vec![2])));
    let foreign = other.input(vec![1.0; 6], [2, 3]).unwrap();
    assert!(is_internal(arithmetic::add(&x, &foreign)));
    assert!(is_internal(conv(
        &x,
        &x,
        &x,
        Window::time(1, 5).pad([[0; 2]; 2]),
        1
    )));
    assert!(x.backward().is_err());
    let m = arithmetic::mean(&x).unwrap();
    assert!(m.backward().is_ok());
    assert!(m.backward().is_err(), "a tape goes back once");
}

#[test]
fn a_leaf_that_nothing_depends_on_has_no_slope() {
    let tape = Tape::new();
    let [a, b] = [1.0, 2.0].map(|v| tape.leaf(vec![v].into(), [1, 1], true).unwrap());
    let twice = arithmetic::add(&a, &a).unwrap();
    let grads = twice.backward().unwrap().take_all(&[a.clone(), b]).unwrap();
    assert_eq!(grads, [[2.0], [0.0]]);
    assert!(
        a.detached()
            .backward()
            .unwrap()
            .take(&a.detached())
            .is_err()
    );
}

#[test]
fn parts_of_a_batch_give_the_mean_whatever_the_threads() {
    let work = |v: f32| Ok((vec![vec![v, 2.0 * v]], v));
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| parallel::gradients(vec![1.0, 2.0, 6.0], work).unwrap())
    };
    assert_eq!(run(1), (vec![vec![3.0, 6.0]], vec![1.0, 2.0, 6.0]));
    assert_eq!(run(1), run(3));
    assert!(parallel::gradients(Vec::new(), work).is_err());
}

#[test]
fn a_learner_goes_on_from_its_checkpoint_as_if_it_had_not_stopped() {
    let start = || {
        let mut p = Params::default();
        p.dense("a", 2, 3, 1.0, &mut nc_core::rng::Rng::new(1));
        Learner::new(p)
    };
    let step = |l: &mut Learner, i: usize| {
        let mut grads = vec![vec![i as f32; 6], vec![-1.0; 2]];
        l.apply(&mut grads, 0.1, 1.0).unwrap();
    };
    let mut whole = start();
    (0..6).for_each(|i| step(&mut whole, i));
    let mut first = start();
    (0..3).for_each(|i| step(&mut first, i));
    let mut c = Checkpoint::default();
    first.store(&mut c);
    let mut second = start();
    let mut read = Checkpoint::from_bytes(&c.to_bytes().unwrap()).unwrap();
    second.restore(&mut read).unwrap();
    (3..6).for_each(|i| step(&mut second, i));
    assert_eq!(whole.params, second.params);
    assert_eq!(whole.average.params, second.average.params);
    // A gradient that is not a number changes nothing.
    let norm = second
        .apply(&mut [vec![f32::NAN; 6], vec![0.0; 2]], 0.1, 1.0)
        .unwrap();
    assert!(norm.is_nan());
    assert_eq!(whole.params, second.params);
}
