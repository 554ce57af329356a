//! The whole of learning: a validation split, annealed steps, early stopping, checkpoints.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use nc_core::rng::Rng;
use nc_core::{Control, Error, Progress, Result};
use serde::{Deserialize, Serialize};

use super::checkpoint::{State, fill, key, read, save};
use super::grow::{capped, grow};
use super::{Em, Family, Smoothing, bits_per_dimension, start};
use crate::{Circuit, Records, Tree};

/// How to learn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recipe {
    /// Passes over the records with all states; the step shrinks over them.
    pub epochs: usize,
    /// States to start with, 0 for all. While there are fewer than the tree asks for, they double after
    /// `growth` passes; states that are hardly used are dropped for more of those that are.
    pub seedling: usize,
    /// Passes before the states double.
    pub growth: usize,
    /// Minutes to learn for, which then decide the passes.
    pub minutes: Option<f64>,
    /// Records in a step.
    pub batch: usize,
    /// Size of the first step and of the last: the weight of a batch in the moving mean.
    pub rate: (f32, f32),
    /// Shape of the leaves of variables whose near values are alike.
    pub family: Family,
    /// Circuits that are mixed; each has its share of the states. Does not go with growing.
    pub components: usize,
    /// Smoothing of the tables.
    pub smoothing: Smoothing,
    /// Of images, the share that in each pass is moved by a pixel, in a direction that is drawn anew: more
    /// to learn from than there is. The border is repeated.
    pub shift: f32,
    /// Share of the records that is held out, to choose the best pass by.
    pub held_out: f64,
    /// Passes without a gain on the held-out records after which learning stops.
    pub patience: usize,
    /// Seed of start and order.
    pub seed: u64,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            epochs: 20,
            seedling: 0,
            growth: 2,
            minutes: None,
            batch: 2000,
            rate: (0.8, 0.03),
            family: Family::default(),
            components: 1,
            smoothing: Smoothing::default(),
            shift: 0.5,
            held_out: 0.05,
            patience: 4,
            seed: 1,
        }
    }
}

/// What is known of the variables besides their values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traits {
    /// Per variable whether near values are alike; where it has no entry they are not.
    pub ordered: Vec<bool>,
    /// Where records are images: lines, columns, samples of a pixel, which are adjacent.
    pub image: Option<[usize; 3]>,
}

/// What was learnt, and how well it fits.
#[derive(Debug, Clone)]
pub struct Learnt {
    /// The circuit.
    pub circuit: Circuit,
    /// Bits per variable of the records learnt from, over the last pass.
    pub bits: f64,
    /// Bits per variable of the records held out.
    pub held_out_bits: f64,
    /// The smoothing that they chose.
    pub smoothing: Smoothing,
    /// Passes over the records with all states.
    pub epochs: usize,
    /// Seconds that learning took, all of its runs together.
    pub seconds: f64,
}

/// Factor by which smoothing is tried stronger and weaker at the end.
const TRIAL: f32 = 3.0;
/// Share of the passes after which a stop for want of a gain may come.
const SETTLED: f64 = 0.6;
/// Between checkpoints.
const SAVE_EVERY: Duration = Duration::from_secs(120);

/// An image moved by one pixel up, down, left or right, the border repeated.
fn shifted(row: &[u16], [height, width, samples]: [usize; 3], direction: usize) -> Vec<u16> {
    let back = |at: usize, n: usize| (at + 1).min(n - 1);
    let mut out = Vec::with_capacity(row.len());
    for y in 0..height {
        for x in 0..width {
            let (y, x) = match direction {
                0 => (back(y, height), x),
                1 => (y.saturating_sub(1), x),
                2 => (y, back(x, width)),
                _ => (y, x.saturating_sub(1)),
            };
            let at = (y * width + x) * samples;
            out.extend(&row[at..at + samples]);
        }
    }
    out
}

/// Learns the tables of `tree` on `records`. Progress goes to `ctl` with bits per variable. With a checkpoint folder the state is saved
/// now and then, and a run with `resume` goes on from there to the same circuit as without a stop.
///
/// # Errors
/// [`Error::Usage`] without records, [`Error::Cancelled`] (after a checkpoint), [`Error::Io`].
pub fn train(
    records: &Records,
    tree: Tree,
    traits: &Traits,
    recipe: &Recipe,
    resume: bool,
    ctl: &mut Control<'_>,
) -> Result<Learnt> {
    if records.is_empty() {
        return Err(Error::Usage("no records to learn from".into()));
    }
    let variables = records.variables().len();
    let image = traits.image.filter(|_| recipe.shift > 0.0);
    if image.is_some_and(|i| i.iter().product::<usize>() != variables) {
        return Err(Error::Usage(
            "images of another size than the records".into(),
        ));
    }
    let began = Instant::now();
    let (train, held) = split(records, recipe);
    let key = key(recipe, &tree, records, traits);
    let most = tree.vertices().iter().map(|v| v.states).max().unwrap_or(1);
    let mut state = State {
        key,
        epochs: recipe.epochs.max(1),
        states: match recipe.seedling {
            n if n > 0 && recipe.components < 2 => n.min(most),
            _ => most,
        },
        epoch: 0,
        batch: 0,
        sum: 0.0,
        best_epoch: 0,
        best: f64::INFINITY,
        bits: f64::INFINITY,
        seconds: 0.0,
    };
    let first = state.states;
    let file = ctl.checkpoints.as_ref().map(|f| f.join("circuit.state"));
    let found = match &file {
        Some(file) if resume && file.exists() => Some(read(file, key)?),
        _ if resume => return Err(Error::Usage("no checkpoint to go on from".into())),
        _ => None,
    };
    if let Some((saved, _)) = &found {
        state = saved.clone();
    }
    let mut circuit = start(capped(&tree, state.states)?, &train, recipe.seed)?;
    let mut em = Em::new(&circuit, &train, Some(recipe.smoothing), &traits.ordered)
        .with_family(recipe.family)
        .with_components(recipe.components, &mut circuit);
    let mut best = circuit.clone();
    if let Some((_, tables)) = found {
        fill(&tables, &mut em, &mut best)?;
        em.maximise(&mut circuit);
    }
    let before = state.seconds;
    let rows: Vec<&[u16]> = train.rows().collect();
    let per = rows.len().div_ceil(recipe.batch.max(1));
    let judge = |c: &Circuit| bits_per_dimension(c, if held.is_empty() { &train } else { &held });
    let mut saved = Instant::now();
    let save_now = |state: &State, em: &Em, best: &Circuit| match &file {
        Some(file) => save(file, state, em, best),
        None => Ok(()),
    };
    let mut done = 0.0;
    loop {
        let grown = state.states >= most;
        let epochs = if grown { state.epochs } else { recipe.growth };
        let spent = before + began.elapsed().as_secs_f64();
        if state.epoch >= epochs {
            if grown {
                break;
            }
            state.states = (2 * state.states).min(most);
            let wanted = start(capped(&tree, state.states)?, &train, recipe.seed)?;
            let seed = recipe.seed ^ state.states as u64;
            em.mean = grow(&circuit, &em.mean, &wanted, seed);
            circuit = wanted;
            em.maximise(&mut circuit);
            best.clone_from(&circuit);
            state.best = judge(&circuit);
            (state.epoch, state.best_epoch) = (0, 0);
            continue;
        }
        // The order of a pass follows from the seed and its number alone, so that a resumed run has
        // the same one.
        let mut order: Vec<usize> = (0..rows.len()).collect();
        let pass = (state.states as u64) << 16 | state.epoch as u64;
        let mut rng = Rng::new(recipe.seed.wrapping_mul(1_000_003) ^ pass);
        for i in (1..order.len()).rev() {
            order.swap(i, rng.below(i + 1));
        }
        let batches = order.chunks(recipe.batch.max(1)).enumerate();
        for (i, batch) in batches.skip(state.batch) {
            if let Err(cancelled) = ctl.check() {
                state.seconds = before + began.elapsed().as_secs_f64();
                save_now(&state, &em, &best)?;
                return Err(cancelled);
            }
            // As the order, so that a resumed run moves the same images to the same place.
            let moved: Vec<Cow<'_, [u16]>> = batch
                .iter()
                .map(|r| {
                    let mut rng = Rng::new(pass << 32 ^ *r as u64 ^ recipe.seed);
                    match image {
                        Some(size) if rng.unit() < recipe.shift => {
                            Cow::Owned(shifted(rows[*r], size, rng.below(4)))
                        }
                        _ => Cow::Borrowed(rows[*r]),
                    }
                })
                .collect();
            let batch: Vec<&[u16]> = moved.iter().map(|r| &r[..]).collect();
            let step = state.epoch * per + i;
            // By the clock where that decides the passes: their number is an estimate that goes up and
            // down, and steps must not.
            done = match (grown, recipe.minutes) {
                (false, _) => 0.0,
                (true, None) => step as f64 / (state.epochs * per) as f64,
                (true, Some(minutes)) => {
                    let spent = before + began.elapsed().as_secs_f64();
                    (spent / (minutes * 60.0).max(1e-3)).min(1.0)
                }
            };
            let rate = match step {
                0 if state.states == first => 1.0,
                _ => rate(recipe, done),
            };
            state.sum += em.step(&mut circuit, &batch, rate);
            state.batch = i + 1;
            let note = match state.bits.is_finite() {
                false => format!("{} states", state.states),
                true => format!(
                    "{} states, {:.4} bits, {:.4} held out",
                    state.states, state.bits, state.best
                ),
            };
            ctl.report(Progress {
                task: "learn",
                done: step as u64 + 1,
                total: Some((epochs * per) as u64),
                note: &note,
            });
        }
        let n = (rows.len() * records.variables().len()) as f64;
        state.bits = -state.sum / std::f64::consts::LN_2 / n;
        state.epoch += 1;
        (state.batch, state.sum) = (0, 0.0);
        let bits = judge(&circuit);
        if bits < state.best {
            state.best = bits;
            state.best_epoch = state.epoch;
            best.clone_from(&circuit);
        }
        state.seconds = before + began.elapsed().as_secs_f64();
        if grown && let Some(minutes) = recipe.minutes {
            // As many passes as there is time for, should they go on like this one.
            let left = minutes * 60.0 - state.seconds;
            let more = (left / (state.seconds - spent).max(1e-3)).max(0.0) as usize;
            state.epochs = state.epoch + more;
        }
        if saved.elapsed() > SAVE_EVERY {
            save_now(&state, &em, &best)?;
            saved = Instant::now();
        }
        // Early passes go up and down with their large steps.
        if grown && done > SETTLED && state.epoch >= state.best_epoch + recipe.patience.max(1) {
            break;
        }
    }
    // The counts of the last pass under other smoothing: how much is best depends on the data.
    let mut smoothing = recipe.smoothing;
    if state.best_epoch == state.epoch && !held.is_empty() {
        let mut step = TRIAL;
        while step > 1.2 {
            let mut gained = false;
            for change in [step, 1.0 / step] {
                for part in [
                    |s: &mut Smoothing, by: f32| s.edges *= by,
                    |s: &mut Smoothing, by: f32| s.leaves *= by,
                    |s: &mut Smoothing, by: f32| s.marginal *= by,
                ] {
                    ctl.check()?;
                    let mut other = smoothing;
                    part(&mut other, change);
                    // Beyond this there is nothing left of the counts, or nothing of the smoothing.
                    let parts = [other.edges, other.leaves, other.marginal];
                    if parts.iter().any(|p| !(1e-4..1e7).contains(p)) {
                        continue;
                    }
                    em.smooth_by(other);
                    em.maximise(&mut circuit);
                    let bits = judge(&circuit);
                    if bits < state.best {
                        (state.best, smoothing, gained) = (bits, other, true);
                        best.clone_from(&circuit);
                    }
                }
            }
            if !gained {
                step = step.sqrt();
            }
        }
    }
    if let Some(file) = &file {
        let _ = std::fs::remove_file(file);
    }
    Ok(Learnt {
        circuit: best,
        bits: state.bits,
        held_out_bits: state.best,
        smoothing,
        epochs: state.epoch,
        seconds: before + began.elapsed().as_secs_f64(),
    })
}

/// Cosine from the first rate to the last.
fn rate(recipe: &Recipe, done: f64) -> f32 {
    let (first, last) = recipe.rate;
    last + (first - last) * 0.5 * (1.0 + (std::f64::consts::PI * done).cos() as f32)
}

/// Records to learn from and records held out, evenly over all.
fn split(records: &Records, recipe: &Recipe) -> (Records, Records) {
    let held = (records.len() as f64 * recipe.held_out) as usize;
    if held == 0 {
        return records.split_at(records.len());
    }
    let every = records.len().div_ceil(held);
    records.partition(|i| i % every != every / 2)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::super::{hidden_chow_liu, with_bins};
    use super::*;

    fn some() -> Records {
        let mut rng = Rng::new(9);
        let values = (0..3000).flat_map(|_| {
            let a = rng.below(6);
            let b = (a + rng.below(3)) % 7;
            [a, b, (a * b + rng.below(2)) % 40].map(|x| x as u16)
        });
        Records::new(vec![6, 7, 40], values.collect()).unwrap()
    }

    fn traits() -> Traits {
        Traits {
            ordered: vec![false, false, true],
            image: None,
        }
    }

    fn recipe() -> Recipe {
        Recipe {
            epochs: 12,
            seedling: 2,
            batch: 200,
            ..Recipe::default()
        }
    }

    #[test]
    fn learning_gains_and_a_resumed_run_is_an_uninterrupted_one() {
        let records = some();
        let tree = || with_bins(hidden_chow_liu(&records, 6).unwrap(), &records, 3).unwrap();
        let traits = traits();
        let mut ctl = Control::default();
        let whole = train(&records, tree(), &traits, &recipe(), false, &mut ctl).unwrap();
        // Independent variables cost this much.
        let first = start(tree(), &records, 1).unwrap();
        assert!(whole.held_out_bits < 0.8 * bits_per_dimension(&first, &records));

        let folder = tempfile::tempdir().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let flag = stop.clone();
        let mut at = |p: Progress<'_>| {
            if p.done == 70 {
                flag.store(true, Ordering::Relaxed);
            }
        };
        let mut ctl = Control {
            progress: Some(&mut at),
            cancel: Some(stop.clone()),
            checkpoints: Some(folder.path().to_path_buf()),
            ..Control::default()
        };
        let stopped = train(&records, tree(), &traits, &recipe(), false, &mut ctl);
        assert!(matches!(stopped, Err(Error::Cancelled)));
        stop.store(false, Ordering::Relaxed);
        ctl.progress = None;
        let other = Recipe {
            seed: 2,
            ..recipe()
        };
        assert!(train(&records, tree(), &traits, &other, true, &mut ctl).is_err());
        let resumed = train(&records, tree(), &traits, &recipe(), true, &mut ctl).unwrap();
        assert_eq!(resumed.circuit, whole.circuit);
        assert_eq!(resumed.held_out_bits, whole.held_out_bits);
    }

    #[test]
    fn images_move_by_a_pixel() {
        // Two lines of three pixels of two samples.
        let image: Vec<u16> = (0..12).collect();
        let size = [2, 3, 2];
        let down = shifted(&image, size, 1);
        assert_eq!(down, [&image[..6], &image[..6]].concat());
        let up = shifted(&image, size, 0);
        assert_eq!(up, [&image[6..], &image[6..]].concat());
        assert_eq!(
            shifted(&image, size, 2),
            [2, 3, 4, 5, 4, 5, 8, 9, 10, 11, 10, 11]
        );
        assert_eq!(
            shifted(&image, size, 3),
            [0, 1, 0, 1, 2, 3, 6, 7, 6, 7, 8, 9]
        );

        let traits = Traits {
            image: Some([1, 1, 2]),
            ..Traits::default()
        };
        let tree = hidden_chow_liu(&some(), 2).unwrap();
        let mut ctl = Control::default();
        let wrong = train(&some(), tree, &traits, &recipe(), false, &mut ctl);
        assert!(matches!(wrong, Err(Error::Usage(_))));
    }

    #[test]
    fn families_and_mixtures_learn() {
        let records = some();
        let traits = traits();
        let bits = |recipe: &Recipe| {
            let tree = hidden_chow_liu(&records, 6).unwrap();
            let mut ctl = Control::default();
            train(&records, tree, &traits, recipe, false, &mut ctl).unwrap()
        };
        let mean = |recipe: &Recipe| {
            let one = |seed| {
                bits(&Recipe {
                    seed,
                    ..recipe.clone()
                })
                .held_out_bits
            };
            (1..6).map(one).sum::<f64>() / 5.0
        };
        let plain = bits(&recipe());
        for family in [Family::Logistic, Family::Gaussian] {
            let learnt = bits(&Recipe { family, ..recipe() });
            // The third variable is no bell, but six of them are near it.
            assert!(learnt.held_out_bits < plain.held_out_bits + 0.4);
            let sums = learnt.circuit.leaf(2).chunks_exact(6);
            let sum: f32 = sums.map(|row| row[0]).sum();
            assert!((sum - 1.0).abs() < 1e-3);
        }
        let components = 2;
        let mixture = Recipe {
            components,
            ..recipe()
        };
        let mixed = bits(&mixture);
        assert!(mean(&mixture) < mean(&recipe()) + 0.1);
        let edge = mixed.circuit.edge(1);
        let crossing = (0..36).filter(|i| (i / 6 < 3) != (i % 6 < 3));
        assert!(crossing.clone().all(|i| edge[i] == 0.0) && crossing.count() == 18);
    }

    #[test]
    fn unknown_values_are_summed_out() {
        let whole = some();
        let mut rng = Rng::new(3);
        let holes: Vec<u16> = whole
            .rows()
            .flatten()
            .zip(whole.variables().iter().cycle())
            .map(|(x, n)| if rng.below(4) == 0 { *n as u16 } else { *x })
            .collect();
        let holes = Records::new(whole.variables().to_vec(), holes).unwrap();
        let traits = traits();
        // The mean over seeds: learning ends in one of many optima.
        let bits = |records: &Records| {
            let one = |seed| {
                let tree = hidden_chow_liu(records, 6).unwrap();
                let recipe = Recipe { seed, ..recipe() };
                let mut ctl = Control::default();
                let learnt = train(records, tree, &traits, &recipe, false, &mut ctl).unwrap();
                bits_per_dimension(&learnt.circuit, &whole) / 5.0
            };
            (1..6).map(one).sum::<f64>()
        };
        let (got, can) = (bits(&holes), bits(&whole));
        assert!(got < can + 0.05, "{got} against {can}");
    }
}
