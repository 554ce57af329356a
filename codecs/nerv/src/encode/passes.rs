//! Passes over a clip in coding order: motion is looked for, coefficients are chosen, frames are made, group beside group.

use nc_core::Result;
use rayon::prelude::*;

use super::choose::update;
use super::rates::Tally;
use super::search::{Phases, Search};
use super::state::{Fit, Frame, MOTION, WEIGHTS, groups_mut};
use crate::gop::needed;
use crate::motion_compensation::Reference;
use crate::motion_field::MotionField;
use crate::symbols::Symbols;

impl Fit<'_> {
    /// The motion of a frame from others, given by their places in its group.
    fn search<'b>(
        &self,
        f: &Symbols,
        wanted: &[u16],
        frame: impl Fn(usize) -> &'b [u16],
        before: Option<&MotionField>,
    ) -> Result<MotionField> {
        let geo = &self.synthesis.geometry;
        let refs = f.place.refs.iter().flatten();
        let phases: Result<Vec<Phases>> = refs.map(|r| Phases::new(geo, frame(*r))).collect();
        let phases = phases?;
        let price = MOTION * (self.lambda / WEIGHTS[f.place.class]).sqrt();
        Ok(Search::new(geo, wanted, phases.iter().collect(), price).run(geo, before))
    }

    /// Motion between the original frames.
    pub(super) fn search_originals(&mut self) -> Result<()> {
        let mut frames = std::mem::take(&mut self.frames);
        let this = &*self;
        let done = frames.par_iter_mut().try_for_each(|f| {
            (this.check)()?;
            // Without motion there is a file too.
            if f.symbols.place.class > 0 && !this.late(0.5) {
                let frame = |r: usize| this.original(f.start + r);
                f.symbols.field = this.search(&f.symbols, this.original(f.time()), frame, None)?;
            }
            Ok(())
        });
        self.frames = frames;
        done
    }

    /// Codes all frames in order once more, with new motion if `search`; gives the bytes of all groups and the PSNR.
    pub(super) fn pass(&mut self, search: bool) -> Result<(usize, f64)> {
        let mut frames = std::mem::take(&mut self.frames);
        let mut made = std::mem::take(&mut self.made);
        let n = self.synthesis.geometry.samples();
        let mut rest = made.as_mut_slice();
        let mut jobs = Vec::new();
        for group in groups_mut(&self.groups, &mut frames) {
            let (samples, others) = rest.split_at_mut(group.len() * n);
            rest = others;
            jobs.push((group, samples));
        }
        let this = &*self;
        let tallies: Result<Vec<Tally>> = jobs
            .into_par_iter()
            .map(|(frames, made)| this.group(frames, made, search))
            .collect();
        self.frames = frames;
        self.made = made;
        for t in tallies? {
            self.rates.add(&t);
        }
        self.rates.refresh(0.6);
        Ok((self.size()?, self.psnr()))
    }

    /// One group of [`Self::pass`].
    fn group(&self, frames: &mut [Frame], made: &mut [u16], search: bool) -> Result<Tally> {
        let s = &self.synthesis;
        let geo = &s.geometry;
        let n = geo.samples();
        let mut buffers = self.plain_buffers()?;
        let mut tally = Tally::default();
        let order: Vec<_> = frames.iter().map(|f| f.symbols.place).collect();
        let (_, until) = needed(&order, &(0..order.len()))?;
        let mut refs: Vec<Option<Reference>> = vec![None; order.len()];
        for (at, f) in frames.iter_mut().enumerate() {
            (self.check)()?;
            let place = f.symbols.place;
            let wanted = self.original(f.time());
            let (price, index) = self.price_of(place.class);
            if search && place.class > 0 {
                let frame = |r: usize| &made[r * n..(r + 1) * n];
                f.symbols.field = self.search(&f.symbols, wanted, frame, Some(&f.symbols.field))?;
            }
            let pick = |r: Option<usize>| r.and_then(|r| refs[r].as_ref());
            let from = [pick(place.refs[0]), pick(place.refs[1])];
            update(
                s,
                &self.rates,
                self.switches.large,
                &mut f.symbols,
                price,
                from,
                wanted,
                &mut buffers,
                &mut tally,
            )?;
            f.step = index;
            f.error = geo.error(&buffers.frame, wanted);
            made[place.t * n..(place.t + 1) * n].copy_from_slice(&buffers.frame);
            for r in place.refs.iter().flatten() {
                if until[*r] <= at {
                    refs[*r] = None;
                }
            }
            if until[place.t] > at {
                refs[place.t] = Some(Reference::new(geo, &buffers.frame)?);
            }
        }
        Ok(tally)
    }
}
