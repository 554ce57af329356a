//! Signals from anywhere: what is encoded decodes.

use nc::nerv::Nerv;
use nc_core::{
    Audio, AudioFormat, Budget, Chroma, Codec, CodecId, Control, Encoder, Format, Goal, Opener,
    Records, RecordsFormat, Result, SampleDepth, Signal, SignalBuf, Video, VideoFormat,
};
use ndarray::Array2;

use super::decode::OPENERS;

/// A codec with its golden model, at the fastest level and at the scalar one.
fn at_two_levels(id: u8) -> [Box<dyn Codec>; 2] {
    OPENERS
        .each_ref()
        .map(|opener| opener.open(CodecId(id), None).expect("a golden model"))
}

fn decode(opener: &dyn Opener, file: &[u8]) -> SignalBuf {
    nc_core::decode(opener, file, Budget::default()).expect("what was just encoded")
}

/// Bytes.
pub fn store(data: &[u8]) {
    let [store, _] = at_two_levels(0);
    let file = nc_core::encode(store.as_ref(), Signal::Bytes(data), Goal::Exact).expect("encoding");
    assert_eq!(decode(&OPENERS[0], &file), SignalBuf::Bytes(data.to_vec()));
}

/// Two bytes choose the form, the rest are the samples as they are, NaN and infinity among them.
pub fn grvq(data: &[u8]) {
    let [form, goal, rest @ ..] = data else {
        return;
    };
    let rate = [16_000, 44_100, 8_000, 1, 192_000, 11_025, 96, 768_000][usize::from(form & 7)];
    let channels = 1 + usize::from(form >> 3 & 3);
    // Every other input holds floats as they come, the others 16-bit samples.
    let samples: Vec<f32> = if form & 0x80 == 0 {
        let pairs = rest.as_chunks::<2>().0.iter();
        pairs
            .map(|b| f32::from(i16::from_le_bytes(*b)) / 32_768.0)
            .collect()
    } else {
        let fours = rest.as_chunks::<4>().0.iter();
        fours.map(|b| f32::from_le_bytes(*b)).collect()
    };
    // Seconds, where samples are few and far between, are only slow.
    let n = (samples.len() / channels)
        .min(20_000)
        .min(2 * rate as usize);
    let Ok(x) = Array2::from_shape_vec((channels, n), samples[..n * channels].to_vec()) else {
        return;
    };
    let goal = match goal & 1 {
        0 => Goal::Quality(f32::from(goal >> 1) / 12.7),
        _ => Goal::Bitrate(u32::from(*goal) * 40),
    };
    let format = Format::Audio(AudioFormat {
        rate,
        channels: channels as u16,
        depth: SampleDepth::I16,
    });
    let encode = |codec: &dyn Codec| -> Result<Vec<u8>> {
        let mut e = Encoder::new(Vec::new(), codec, format, Some(n as u64), goal)?;
        let audio = Audio {
            rate,
            samples: x.view(),
        };
        e.push(Signal::Audio(audio), &mut Control::default())?;
        Ok(e.finish(&mut Control::default())?.0)
    };
    let [best, scalar] = &at_two_levels(1);
    match (encode(best.as_ref()), encode(scalar.as_ref())) {
        (Ok(file), Ok(scalar)) => {
            assert!(file == scalar, "levels give different files");
            let y = decode(&OPENERS[0], &file);
            assert_eq!(y.units(), n as u64);
            let SignalBuf::Audio(y) = &y else {
                panic!("audio gives something else");
            };
            assert!(y.samples.iter().all(|s| s.is_finite()));
        }
        // A rate or samples that are refused.
        (Err(a), Err(b)) => assert_eq!(a.to_string(), b.to_string()),
        _ => panic!("one level refuses what another takes"),
    }
}

/// Rows of the golden circuit's alphabets.
pub fn circuit(data: &[u8]) {
    let [group, rest @ ..] = data else {
        return;
    };
    let alphabets = [2u16, 256, 5, 3000, 17, 2, 300, 12];
    let values = rest.as_chunks::<2>().0.iter().zip(alphabets.iter().cycle());
    let mut values: Vec<u16> = values.map(|(b, a)| u16::from_le_bytes(*b) % a).collect();
    let rows = (values.len() / 8).min(300);
    values.truncate(rows * 8);
    let mut texts = Vec::new();
    for (row, record) in values.chunks_exact(8).enumerate() {
        // Where variable 2 is 4 a text stands behind it; none has a zero byte.
        if record.get(2) == Some(&4) {
            let text = rest.iter().skip(row * 3).take(row % 9);
            let bytes = text.copied().filter(|b| *b != 0).collect();
            texts.push(nc_core::Text { row, bytes });
        }
    }
    let Ok(values) = Array2::from_shape_vec((rows, 8), values) else {
        return;
    };
    let x = Records {
        values: values.view(),
        texts: &texts,
    };
    let encode = |codec: &dyn Codec| -> Result<Vec<u8>> {
        let mut ctl = Control {
            access: u32::from(*group),
            ..Control::default()
        };
        let format = Format::Records(RecordsFormat { variables: 8 });
        let length = Some(rows as u64);
        let mut e = Encoder::new(Vec::new(), codec, format, length, Goal::Exact)?;
        e.push(Signal::Records(x), &mut ctl)?;
        Ok(e.finish(&mut ctl)?.0)
    };
    let [best, scalar] = &at_two_levels(2);
    let file = encode(best.as_ref()).expect("encoding");
    assert!(encode(scalar.as_ref()).expect("encoding") == file);
    for opener in &*OPENERS {
        let SignalBuf::Records(y) = decode(opener, &file) else {
            panic!("records give something else");
        };
        assert!(y.values == values && y.texts == texts);
    }
}

/// Five bytes choose the form, the rest are the samples.
pub fn nerv(data: &[u8]) {
    let [width, height, frames, layout, goal, rest @ ..] = data else {
        return;
    };
    let format = VideoFormat {
        width: 1 + u32::from(width % 24),
        height: 1 + u32::from(height % 24),
        rate: [25, 1],
        chroma: [Chroma::Gray, Chroma::C420, Chroma::C422, Chroma::C444][usize::from(layout & 3)],
        bits: 8 + (layout >> 3) % 9,
        rgb: layout & 4 != 0,
    };
    let Ok(size) = format.frame_samples() else {
        return;
    };
    let frames = 1 + usize::from(frames % 4);
    let pairs = rest
        .as_chunks::<2>()
        .0
        .iter()
        .map(|b| u16::from_le_bytes(*b) & format.max());
    let samples: Vec<u16> = pairs
        .chain(std::iter::repeat(format.max() / 2))
        .take(size * frames)
        .collect();
    let lossless = goal & 1 == 0;
    let goal = match lossless {
        true => Goal::Exact,
        false => Goal::Quality(f32::from(goal >> 1) / 12.7),
    };
    let mut ctl = Control {
        effort: nc_core::Effort::Fast,
        ..Control::default()
    };
    // Learning takes seconds; what a network's payload may do is the target nerv's.
    ctl.options.insert("network".into(), "none".into());
    let x = Video {
        format,
        samples: &samples,
    };
    let mut encode = || -> Result<Vec<u8>> {
        let length = Some(frames as u64);
        let mut e = Encoder::new(Vec::new(), &Nerv, Format::Video(format), length, goal)?;
        e.push(Signal::Video(x), &mut ctl)?;
        Ok(e.finish(&mut ctl)?.0)
    };
    let file = match encode() {
        Ok(file) => file,
        // Flags that contradict each other.
        Err(nc_core::Error::Unsupported(_) | nc_core::Error::Limit(_)) => return,
        Err(e) => panic!("{e:?}"),
    };
    let SignalBuf::Video(y) = decode(&OPENERS[0], &file) else {
        panic!("video gives something else");
    };
    assert_eq!(y.samples.len(), samples.len());
    assert!(y.samples.iter().all(|s| *s <= format.max()));
    assert!(!lossless || y.samples == samples);
}
