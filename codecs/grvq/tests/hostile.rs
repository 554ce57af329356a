//! Models and headers that ask for too much, or for what there is not.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use nc_core::{
    AudioFormat, Budget, ChunkHead, Codec, Control, Error, Family as _, Model, SampleDepth,
};
use nc_grvq::{Family, Grvq};
use nc_kernels::Kernels;

/// The default model's header and what follows it.
fn parts() -> (serde_json::Value, Vec<u8>) {
    let bytes = Family.default_model().unwrap();
    let (length, rest) = bytes.split_first_chunk().unwrap();
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    (serde_json::from_slice(header).unwrap(), data.to_vec())
}

fn load(header: &serde_json::Value, data: &[u8]) -> nc_core::Result<Grvq> {
    let header = header.to_string();
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(data);
    let mut budget = Budget::new(64 << 20);
    let model = Model::from_bytes(bytes, &mut budget)?;
    Grvq::new(&model, Kernels::best(), &mut budget)
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    let (header, data) = parts();
    assert!(load(&header, &data).is_ok());
    let config = header["__metadata__"]["config"].as_str().unwrap();
    let config: serde_json::Value = serde_json::from_str(config).unwrap();
    let names = config.as_object().unwrap().keys();
    for name in names {
        for size in [0, 1 << 13, 1 << 32, 1 << 63, u64::MAX] {
            let mut config = config.clone();
            config[name] = size.into();
            // No blocks at all are a network too.
            if size == 0 && name.ends_with("blocks") {
                continue;
            }
            let mut header = header.clone();
            header["__metadata__"]["config"] = config.to_string().into();
            let e = load(&header, &data).map(|_| ());
            assert!(matches!(e, Err(Error::Model(_))), "{name} {size}: {e:?}");
        }
    }
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    let (header, data) = parts();
    let tensors = header.as_object().unwrap();
    for (name, tensor) in tensors.iter().filter(|(n, _)| *n != "__metadata__") {
        let at = tensor["data_offsets"][0].as_u64().unwrap() as usize;
        let bits: &[u8] = match tensor["dtype"].as_str() {
            Some("F16") => &[0, 0x7e],
            Some("BF16") => &[0xc0, 0x7f],
            _ => &[0, 0, 0xc0, 0x7f],
        };
        let mut data = data.clone();
        data[at..at + bits.len()].copy_from_slice(bits);
        let e = load(&header, &data).map(|_| ());
        assert!(matches!(e, Err(Error::Model(_))), "{name}: {e:?}");
    }
}

/// What no encoder takes, no decoder does: rates that make a filter long, channels beyond all use.
#[test]
fn formats_that_no_encoder_takes_are_refused() {
    let (header, data) = parts();
    let codec = load(&header, &data).unwrap();
    let decode = |rate, channels, units| {
        let head = ChunkHead {
            format: AudioFormat {
                rate,
                channels,
                depth: SampleDepth::I16,
            },
            first: 0,
            units,
        };
        let mut budget = Budget::new(64 << 20);
        let payload = [&[8][..], &[0; 255]].concat();
        let payload = payload.get(..=usize::from(channels)).unwrap_or_default();
        codec
            .decode(payload, &head, &mut budget, &mut Control::default())
            .map(|_| ())
    };
    assert!(decode(16_000, 2, 100).is_ok());
    for (rate, channels) in [(1, 1), (7_999, 1), (192_001, 1), (768_000, 1), (16_000, 9)] {
        let e = decode(rate, channels, 100);
        assert!(matches!(e, Err(Error::Unsupported(_))), "{e:?}");
    }
    for units in [1 << 40, 1 << 63, u64::MAX] {
        assert!(matches!(decode(16_000, 1, units), Err(Error::Limit(_))));
    }
}
