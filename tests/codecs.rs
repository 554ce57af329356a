//! What the contract promises of every codec of the build. Codecs are found in the registry and not named.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]

mod common;

use nc_core::{
    AnyCodec, Control, Encoder, Error, Family, Goal, OptionValue, Registry, Result, SignalBuf,
};

/// An encoder of what the case has, to the codec's default goal.
fn encoder(family: &dyn Family, case: &common::Case, length: Option<u64>) -> Encoder<Vec<u8>> {
    let goal = family.default_goal(&case.format);
    Encoder::new(Vec::new(), &case.codec, case.format, length, goal).unwrap()
}

fn encode(
    family: &dyn Family,
    case: &common::Case,
    signal: &SignalBuf,
    ctl: &mut Control<'_>,
) -> Result<Vec<u8>> {
    let mut e = encoder(family, case, Some(signal.units()));
    e.push(signal.view(), ctl)?;
    Ok(e.finish(ctl)?.0)
}

#[test]
fn an_encoder_owns_its_codec_and_moves_into_a_thread() {
    let registry = common::registry();
    for family in registry.families() {
        let case = common::case(&registry, family);
        let mut ctl = Control {
            effort: nc_core::Effort::Fast,
            ..Control::default()
        };
        let here = encode(family, &case, &case.signal, &mut ctl).unwrap();
        let signal = case.signal.clone();
        let mut e = encoder(family, &case, Some(signal.units()));
        // Neither the codec nor the registry's other users are needed any more.
        drop(case);
        let there = std::thread::spawn(move || {
            let mut ctl = Control {
                effort: nc_core::Effort::Fast,
                ..Control::default()
            };
            e.push(signal.view(), &mut ctl)?;
            e.finish(&mut ctl)
        });
        let (file, summary) = there.join().unwrap().unwrap();
        assert_eq!(summary.bytes, file.len() as u64);
        assert!(file == here, "{}", family.info().name);
    }
}

/// What was written so far can be taken out of the writer while more is pushed.
#[test]
fn the_writer_is_within_reach() {
    let registry: Registry = common::registry();
    let codec = registry
        .families()
        .find(|f| f.info().kind == nc_core::MediaKind::Bytes)
        .map(|f| registry.open_for_encoding(f, None).unwrap());
    let codec: AnyCodec = codec.unwrap();
    let format = nc_core::Format::Bytes;
    let chunk = codec.plan(&format).unwrap().chunk as usize;
    let bytes: Vec<u8> = (0..3 * chunk + 5).map(|i| ((i * i) >> 7) as u8).collect();
    let whole = {
        let mut e = Encoder::new(Vec::new(), &codec, format, None, Goal::Exact).unwrap();
        let mut ctl = Control::default();
        e.push(nc_core::Signal::Bytes(&bytes), &mut ctl).unwrap();
        e.finish(&mut ctl).unwrap().0
    };
    let mut ctl = Control::default();
    let mut e = Encoder::new(Vec::new(), &codec, format, None, Goal::Exact).unwrap();
    let (mut taken, mut times) = (Vec::new(), 0);
    for piece in bytes.chunks(chunk / 2) {
        e.push(nc_core::Signal::Bytes(piece), &mut ctl).unwrap();
        let now = std::mem::take(e.get_mut());
        times += usize::from(!now.is_empty());
        taken.extend(now);
    }
    taken.extend(e.finish(&mut ctl).unwrap().0);
    assert_eq!(times, 3);
    assert!(taken == whole);
}

/// The message of a refusal that says that the caller asked for something that makes no sense.
fn refusal<T>(result: Result<T>, what: &str) -> String {
    match result {
        Err(Error::Usage(said)) => said,
        Err(e) => panic!("{what}: {e:?}"),
        Ok(_) => panic!("{what} is taken"),
    }
}

#[test]
fn options_that_a_codec_does_not_have_are_refused_with_those_that_it_has() {
    let registry = common::registry();
    for family in registry.families() {
        let info = family.info();
        let case = common::case(&registry, family);
        // Of a signal without units too.
        for signal in [case.signal.clone(), case.format.empty()] {
            let mut ctl = Control::default();
            ctl.options.set("no-such", "1");
            let said = refusal(encode(family, &case, &signal, &mut ctl), info.name);
            assert!(
                said.contains("no-such") && said.contains(info.name),
                "{said}"
            );
            for option in info.options {
                assert!(said.contains(option.name), "{said}");
            }
        }
    }
}

#[test]
fn values_that_an_option_does_not_take_are_refused_with_what_it_takes() {
    let registry = common::registry();
    for family in registry.families() {
        let info = family.info();
        let case = common::case(&registry, family);
        for option in info.options {
            let (wrong, takes): (Vec<String>, Vec<String>) = match option.value {
                OptionValue::Switch => (
                    vec!["maybe".into(), "".into(), "On".into()],
                    vec!["on or off".into()],
                ),
                OptionValue::Choice(words) => (
                    vec!["no-such".into(), "".into()],
                    words.iter().map(ToString::to_string).collect(),
                ),
                OptionValue::Whole(from, to) => {
                    let mut wrong = vec!["x".into(), "1.5".into(), "-1".into(), "".into()];
                    wrong.extend(from.checked_sub(1).map(|n| n.to_string()));
                    wrong.extend(to.checked_add(1).map(|n| n.to_string()));
                    (wrong, vec![from.to_string(), to.to_string()])
                }
                OptionValue::Number => (
                    vec!["x".into(), "NaN".into(), "inf".into()],
                    vec!["a number".into()],
                ),
                // Any text is one.
                _ => continue,
            };
            for value in wrong {
                let what = format!("{} {}={value}", info.name, option.name);
                let mut ctl = Control::default();
                ctl.options.set(option.name, value.as_str());
                let said = refusal(encode(family, &case, &case.signal, &mut ctl), &what);
                assert!(said.contains(option.name), "{what}: {said}");
                assert!(takes.iter().all(|t| said.contains(t)), "{what}: {said}");
            }
        }
    }
}
