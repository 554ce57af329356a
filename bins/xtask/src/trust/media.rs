//! Small files for the programs.

use std::path::Path;

use anyhow::Result;

/// Mono sound of 16 bits.
pub fn wav(path: &Path, rate: u32, x: &[f32]) -> Result<()> {
    let data = (x.len() * 2) as u32;
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + data).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    bytes.extend(rate.to_le_bytes());
    bytes.extend((rate * 2).to_le_bytes());
    bytes.extend(b"\x02\0\x10\0data");
    bytes.extend(data.to_le_bytes());
    bytes.extend(x.iter().flat_map(|s| ((s * 32_767.0) as i16).to_le_bytes()));
    Ok(std::fs::write(path, bytes)?)
}

/// A texture of 96 x 64 that moves.
pub fn y4m(path: &Path, frames: u32) -> Result<()> {
    let mut bytes = b"YUV4MPEG2 W96 H64 F25:1 C420jpeg\n".to_vec();
    for t in 0..frames {
        bytes.extend(b"FRAME\n");
        let at = |i: u32| (((i % 96 + t) * 2) ^ ((i / 96) * 3)).wrapping_add((i * i) >> 9) as u8;
        bytes.extend((0..96 * 64 * 3 / 2).map(at));
    }
    Ok(std::fs::write(path, bytes)?)
}
