//! What a codec ships: the state of counters and weights after training, as bytes and back.

use super::{Adaptive, Counter, Mixer, Model, Refine, Slots};
use crate::{Error, Result};

/// State that can be saved and loaded. The bytes are numbers, the least byte first, without a head: only the same shape reads
/// them.
pub trait State {
    /// Appends the state.
    fn save(&self, out: &mut Vec<u8>);

    /// Takes it from the front of `bytes`.
    ///
    /// # Errors
    /// [`Error::Format`] where the bytes end early or hold what no state has; part of the state may be loaded then.
    fn load(&mut self, bytes: &mut &[u8]) -> Result<()>;
}

fn take<'a, const N: usize>(bytes: &mut &'a [u8]) -> Result<&'a [u8; N]> {
    let (first, rest) = bytes
        .split_first_chunk()
        .ok_or_else(|| Error::Format("a state that ends early".into()))?;
    *bytes = rest;
    Ok(first)
}

macro_rules! numbers {
    ($($t:ty, $n:literal;)*) => { $(
        impl State for [$t] {
            fn save(&self, out: &mut Vec<u8>) {
                out.extend(self.iter().flat_map(|x| x.to_le_bytes()));
            }

            fn load(&mut self, bytes: &mut &[u8]) -> Result<()> {
                for x in self {
                    *x = <$t>::from_le_bytes(*take::<$n>(bytes)?);
                }
                Ok(())
            }
        }
    )* };
}
numbers! { i16, 2; u16, 2; u32, 4; }

impl State for Counter {
    fn save(&self, out: &mut Vec<u8>) {
        [self.slow, self.fast, self.seen].save(out);
    }

    fn load(&mut self, bytes: &mut &[u8]) -> Result<()> {
        let mut all = [0u16; 3];
        all.load(bytes)?;
        [self.slow, self.fast, self.seen] = all;
        if self.seen > 1023 {
            return Err(Error::Format("a counter that has seen too much".into()));
        }
        Ok(())
    }
}

impl State for Adaptive {
    fn save(&self, out: &mut Vec<u8>) {
        self.all.save(out);
    }

    fn load(&mut self, bytes: &mut &[u8]) -> Result<()> {
        self.all.load(bytes)
    }
}

impl State for Refine {
    fn save(&self, out: &mut Vec<u8>) {
        self.all.save(out);
    }

    fn load(&mut self, bytes: &mut &[u8]) -> Result<()> {
        self.all.load(bytes)
    }
}

impl State for Mixer {
    fn save(&self, out: &mut Vec<u8>) {
        self.first.save(out);
        self.second.save(out);
        [self.now].save(out);
    }

    fn load(&mut self, bytes: &mut &[u8]) -> Result<()> {
        self.first.load(bytes)?;
        self.second.load(bytes)?;
        let mut now = [0u32];
        now.load(bytes)?;
        self.now = now[0];
        Ok(())
    }
}

impl State for Model {
    fn save(&self, out: &mut Vec<u8>) {
        self.counters.iter().for_each(|c| c.save(out));
        self.mixer.save(out);
        self.refine.save(out);
    }

    fn load(&mut self, bytes: &mut &[u8]) -> Result<()> {
        self.counters.iter_mut().try_for_each(|c| c.load(bytes))?;
        self.mixer.load(bytes)?;
        self.refine.load(bytes)
    }
}

impl State for Slots {
    fn save(&self, out: &mut Vec<u8>) {
        self.bytes().for_each(|line| out.extend_from_slice(line));
    }

    fn load(&mut self, bytes: &mut &[u8]) -> Result<()> {
        for line in self.bytes_mut() {
            *line = *take(bytes)?;
        }
        Ok(())
    }
}
