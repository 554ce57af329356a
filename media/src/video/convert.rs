//! Frames to and from what other crates hold: planes of [`ndarray`], and images of `image` behind the feature of that name.

use nc_core::{Error, Result, VideoBuf, VideoFormat};
use ndarray::{Array2, ArrayView2};

/// The planes of a frame as `[rows, columns]`: brightness, then the two of colour.
///
/// ```
/// use nc_core::{Chroma, VideoFormat};
/// let format = VideoFormat { width: 3, height: 2, rate: [25, 1], chroma: Chroma::C420, bits: 8, rgb: false };
/// let frame = vec![128; format.frame_samples()?];
/// let planes = nc_media::video::convert::planes(&format, &frame)?;
/// assert_eq!((planes[0].dim(), planes[1].dim()), ((2, 3), (1, 2)));
/// assert_eq!(nc_media::video::convert::frame(&format, &planes)?, frame);
/// # Ok::<(), nc_core::Error>(())
/// ```
///
/// # Errors
/// [`Error::Usage`] for another number of samples, Limit for a format beyond the limits.
pub fn planes<'a>(format: &VideoFormat, frame: &'a [u16]) -> Result<Vec<ArrayView2<'a, u16>>> {
    let wrong = || Error::Usage("samples that are no frame of the format".into());
    if frame.len() != format.frame_samples()? {
        return Err(wrong());
    }
    let mut rest = frame;
    (0..format.planes())
        .map(|i| {
            let (width, height) = format.plane(i);
            let (plane, behind) = rest.split_at_checked(width * height).ok_or_else(wrong)?;
            rest = behind;
            ArrayView2::from_shape((height, width), plane).map_err(|_| wrong())
        })
        .collect()
}

/// The samples of a frame with these planes.
///
/// # Errors
/// [`Error::Usage`] for planes of other sizes and samples beyond the bits of the format.
pub fn frame(format: &VideoFormat, planes: &[ArrayView2<'_, u16>]) -> Result<Vec<u16>> {
    let mut out = Vec::with_capacity(format.frame_samples()?);
    if planes.len() != format.planes() {
        let (is, not) = (planes.len(), format.planes());
        return Err(Error::Usage(format!("{is} planes, not {not}")));
    }
    for (i, plane) in planes.iter().enumerate() {
        let (width, height) = format.plane(i);
        if plane.dim() != (height, width) || plane.iter().any(|s| *s > format.max()) {
            return Err(Error::Usage(format!("plane {i} is not of the format")));
        }
        out.extend(plane.iter());
    }
    Ok(out)
}

/// A grey picture of these values, as `[rows, columns]`.
///
/// # Errors
/// Limit for a size beyond the limits.
pub fn grey(values: &Array2<u8>) -> Result<VideoBuf> {
    let edge = |n: usize| u32::try_from(n).map_err(|_| Error::Limit("a picture too large".into()));
    let (height, width) = values.dim();
    let format = VideoFormat {
        width: edge(width)?,
        height: edge(height)?,
        rate: [0, 0],
        chroma: nc_core::Chroma::Gray,
        bits: 8,
        rgb: true,
    };
    format.frame_samples()?;
    let samples = values.iter().map(|v| u16::from(*v)).collect();
    Ok(VideoBuf { format, samples })
}

#[cfg(feature = "image")]
pub use images::{from_image, to_image};

#[cfg(feature = "image")]
mod images {
    use image::{DynamicImage, GrayImage, RgbImage};
    use nc_core::{Chroma, Error, Result, Video, VideoBuf, VideoFormat};

    use crate::video::picture::{Painter, opaque_ycbcr};
    use crate::video::y4m::Head;

    /// A picture of an image of 8 bits a sample.
    ///
    /// # Errors
    /// [`Error::Usage`] for more bits and for what shows something behind it, Limit for a size beyond the limits.
    pub fn from_image(image: &DynamicImage) -> Result<VideoBuf> {
        let grey = match image {
            DynamicImage::ImageLuma8(_) => true,
            DynamicImage::ImageRgb8(_) | DynamicImage::ImageRgba8(_) => false,
            _ => return Err(Error::Usage("an image of other samples than 8 bits".into())),
        };
        let format = VideoFormat {
            width: image.width(),
            height: image.height(),
            rate: [0, 0],
            chroma: if grey { Chroma::Gray } else { Chroma::C444 },
            bits: 8,
            rgb: true,
        };
        format.frame_samples()?;
        let samples = match image {
            DynamicImage::ImageLuma8(g) => g.iter().map(|v| u16::from(*v)).collect(),
            other => {
                let rgba = other.to_rgba8();
                if rgba.pixels().any(|p| p.0[3] != u8::MAX) {
                    let why = "an image with an alpha channel that shows what is behind it";
                    return Err(Error::Usage(why.into()));
                }
                opaque_ycbcr(rgba.pixels().map(|p| [p.0[0], p.0[1], p.0[2]]))
            }
        };
        Ok(VideoBuf { format, samples })
    }

    /// The first frame as an image of 8 bits, colours by what players guess of video.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is no frame.
    pub fn to_image(video: Video<'_>) -> Result<DynamicImage> {
        let none = || Error::Usage("video without a frame".into());
        let frame = video.part(0, 1).ok_or_else(none)?;
        let format = video.format;
        let picture = Painter::new(&Head::of(format)).paint(frame.samples);
        let (width, height) = (format.width, format.height);
        let image = match format.chroma {
            Chroma::Gray => {
                GrayImage::from_raw(width, height, picture).map(DynamicImage::ImageLuma8)
            }
            _ => RgbImage::from_raw(width, height, picture).map(DynamicImage::ImageRgb8),
        };
        image.ok_or(Error::Internal("a picture of another size".into()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn planes_of_other_sizes_are_refused() {
        let picture = grey(&ndarray::array![[1, 2, 3], [4, 5, 6]]).unwrap();
        let format = picture.format;
        let planes = planes(&format, &picture.samples).unwrap();
        assert_eq!(planes[0][[1, 2]], 6);
        assert_eq!(frame(&format, &planes).unwrap(), picture.samples);
        assert!(super::planes(&format, &picture.samples[1..]).is_err());
        assert!(frame(&format, &[planes[0].t()]).is_err());
        assert!(frame(&format, &[]).is_err());
        let loud = ndarray::Array2::from_elem((2, 3), 256);
        assert!(frame(&format, &[loud.view()]).is_err());
    }

    #[cfg(feature = "image")]
    #[test]
    fn images_come_back() {
        use image::{DynamicImage, GrayImage, Rgb, RgbImage, Rgba, RgbaImage};
        let grey = DynamicImage::from(GrayImage::from_fn(3, 2, |x, y| {
            image::Luma([(x * y) as u8])
        }));
        let back = to_image(from_image(&grey).unwrap().view()).unwrap();
        assert_eq!(back, grey);
        let image = RgbImage::from_pixel(2, 2, Rgb([200, 30, 77]));
        let back = to_image(from_image(&image.clone().into()).unwrap().view()).unwrap();
        let near = |(a, b): (&u8, &u8)| a.abs_diff(*b) <= 2;
        assert!(back.to_rgb8().iter().zip(image.iter()).all(near));
        let clear = RgbaImage::from_pixel(1, 1, Rgba([1, 2, 3, 4]));
        assert!(from_image(&clear.into()).is_err());
    }
}
