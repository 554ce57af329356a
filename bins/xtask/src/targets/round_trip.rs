//! Signals from anywhere: what is encoded decodes.

use nc_core::{
    AnyCodec, Budget, CodecId, Control, Effort, Encoder, Error, Family, Goal, Opener, Result,
    SignalBuf,
};

use super::signals::{self, Sample};
use crate::opener::{LEVELS, REGISTRY, at_levels, records_of, row};

fn encode(codec: &AnyCodec, family: &dyn Family, sample: &Sample, goal: Goal) -> Result<Vec<u8>> {
    let mut ctl = Control {
        effort: Effort::Fast,
        ..Control::default()
    };
    // Learning takes seconds; what a payload of something learnt may do is the codec's other target.
    for (name, value) in row(family).quick {
        ctl.options.set(*name, *value);
    }
    let x = sample.signal.view();
    let mut e = Encoder::new(Vec::new(), codec, sample.format, Some(x.units()), goal)?;
    e.push(x, &mut ctl)?;
    Ok(e.finish(&mut ctl)?.0)
}

/// A signal of the codec's kind through it, at every level: a lossless codec gives it back, another one a signal of the
/// same form and length.
pub fn any(data: &[u8], id: CodecId) {
    let family = REGISTRY.by_id(id).expect("a codec of the registry");
    let Some(sample) = signals::of(
        family.info().kind,
        records_of(family),
        row(family).exact,
        data,
    ) else {
        return;
    };
    let goal = match family.info().lossless {
        true => Goal::Exact,
        false => sample.goal,
    };
    let codecs = at_levels(family).expect("a golden model");
    let mut files = codecs.iter().map(|c| encode(c, family, &sample, goal));
    let first = files.next().expect("a level");
    for file in files {
        match (&first, &file) {
            (Ok(a), Ok(b)) => assert!(a == b, "levels give different files"),
            (Err(a), Err(b)) => assert_eq!(a.to_string(), b.to_string()),
            _ => panic!("one level refuses what another takes"),
        }
    }
    let file = match first {
        Ok(file) => file,
        // A form that is refused, or a rate.
        Err(Error::Unsupported(_) | Error::Limit(_)) if sample.odd => return,
        Err(Error::Usage(_)) if matches!(goal, Goal::Bitrate(_)) => return,
        Err(e) => panic!("{e:?}"),
    };
    let mut first = None;
    for opener in LEVELS.iter().take(codecs.len()) {
        let y = decode(opener, &file);
        alike(&sample.signal, &y, goal == Goal::Exact);
        let bits = y.to_le_bytes();
        assert!(
            goal != Goal::Exact || bits == sample.signal.to_le_bytes(),
            "it does not come back"
        );
        let first = first.get_or_insert_with(|| bits.clone());
        assert!(*first == bits, "levels decode to something else");
    }
}

fn decode(opener: &dyn Opener, file: &[u8]) -> SignalBuf {
    nc_core::decode(opener, file, Budget::default()).expect("what was just encoded")
}

/// That what came back has the form and length of what went in, and values that such a signal has.
fn alike(x: &SignalBuf, y: &SignalBuf, exact: bool) {
    assert_eq!(y.units(), x.units());
    match (x, y) {
        (SignalBuf::Audio(x), SignalBuf::Audio(y)) => {
            assert_eq!((x.rate, x.samples.dim()), (y.rate, y.samples.dim()));
            // What is no number comes back of a lossless codec alone.
            assert!(exact || y.samples.iter().all(|s| s.is_finite()));
        }
        (SignalBuf::Video(x), SignalBuf::Video(y)) => {
            assert_eq!(x.format, y.format);
            assert!(y.samples.iter().all(|s| *s <= y.format.max()));
        }
        (SignalBuf::Records(x), SignalBuf::Records(y)) => {
            assert_eq!(x.values.dim(), y.values.dim());
        }
        (SignalBuf::Bytes(_), SignalBuf::Bytes(_)) => {}
        _ => panic!("another kind of media came back"),
    }
}
