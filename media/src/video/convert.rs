//! Frames to and from what other crates hold: planes of [`ndarray`], and images of `image` behind the feature of that name.

use nc_core::{Colour, Error, Result, VideoBuf, VideoFormat};
use ndarray::{Array2, ArrayView2};

/// The planes of a frame as `[rows, columns]`: brightness, then the two of colour.
///
/// ```
/// use nc_core::{Chroma, Colour, VideoFormat};
/// let format = VideoFormat { width: 3, height: 2, rate: [25, 1], chroma: Chroma::C420, bits: 8, colour: Colour::Video, alpha: false };
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
        colour: Colour::Image,
        alpha: false,
    };
    format.frame_samples()?;
    let samples = values.iter().map(|v| u16::from(*v)).collect();
    Ok(VideoBuf { format, samples })
}

#[cfg(feature = "pictures")]
pub use images::{from_image, to_image};

#[cfg(feature = "pictures")]
mod images {
    use image::DynamicImage;
    use nc_core::{Error, Result, Video, VideoBuf};

    use crate::video::images::{Form, Pixels};
    use crate::video::picture::Painter;
    use crate::video::y4m::Head;

    /// An image as a picture: grey or red, green and blue, with opacity where the image has it, of 8 or 16 bits.
    ///
    /// # Errors
    /// [`Error::Usage`] for samples of floating point, Limit for a size beyond the limits.
    pub fn from_image(image: &DynamicImage) -> Result<VideoBuf> {
        let colour = image.color();
        let narrow = |raw: &[u8]| raw.iter().map(|s| u16::from(*s)).collect();
        let (deep, samples) = match image {
            DynamicImage::ImageLuma8(x) => (false, narrow(x)),
            DynamicImage::ImageLumaA8(x) => (false, narrow(x)),
            DynamicImage::ImageRgb8(x) => (false, narrow(x)),
            DynamicImage::ImageRgba8(x) => (false, narrow(x)),
            DynamicImage::ImageLuma16(x) => (true, x.to_vec()),
            DynamicImage::ImageLumaA16(x) => (true, x.to_vec()),
            DynamicImage::ImageRgb16(x) => (true, x.to_vec()),
            DynamicImage::ImageRgba16(x) => (true, x.to_vec()),
            _ => return Err(Error::Usage("an image of floating-point samples".into())),
        };
        let form = Form {
            width: image.width(),
            height: image.height(),
            colour: colour.has_color(),
            alpha: colour.has_alpha(),
            deep,
        };
        let format = form.format([0, 0])?;
        let samples = Pixels { form, samples }.planes(form);
        Ok(VideoBuf { format, samples })
    }

    /// The first frame as an image: red, green and blue, grey and opacity of images as they are, other colours of 8 bits by what
    /// players guess of video.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is no frame.
    pub fn to_image(video: Video<'_>) -> Result<DynamicImage> {
        let none = || Error::Usage("video without a frame".into());
        let frame = video.part(0, 1).ok_or_else(none)?;
        let (form, samples) = Painter::new(&Head::of(video.format)).image(frame.samples);
        let (w, h) = (form.width, form.height);
        macro_rules! image {
            ($kind:ident, $samples:expr) => {
                image::ImageBuffer::from_raw(w, h, $samples).map(DynamicImage::$kind)
            };
        }
        let bytes = || samples.iter().map(|s| *s as u8).collect();
        let image = match (form.colour, form.alpha, form.deep) {
            (false, false, false) => image!(ImageLuma8, bytes()),
            (false, true, false) => image!(ImageLumaA8, bytes()),
            (true, false, false) => image!(ImageRgb8, bytes()),
            (true, true, false) => image!(ImageRgba8, bytes()),
            (false, false, true) => image!(ImageLuma16, samples),
            (false, true, true) => image!(ImageLumaA16, samples),
            (true, false, true) => image!(ImageRgb16, samples),
            (true, true, true) => image!(ImageRgba16, samples),
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

    #[cfg(feature = "pictures")]
    #[test]
    fn images_come_back() {
        use image::{DynamicImage, ImageBuffer};
        let (w, h) = (3u32, 2u32);
        let bytes = |n: u32| (0..w * h * n).map(|i| (i * 37) as u8).collect::<Vec<_>>();
        let deep = |n: u32| {
            (0..w * h * n)
                .map(|i| (i * 3737) as u16)
                .collect::<Vec<_>>()
        };
        macro_rules! image {
            ($kind:ident, $samples:expr) => {
                DynamicImage::$kind(ImageBuffer::from_raw(w, h, $samples).unwrap())
            };
        }
        for image in [
            image!(ImageLuma8, bytes(1)),
            image!(ImageLumaA8, bytes(2)),
            image!(ImageRgb8, bytes(3)),
            image!(ImageRgba8, bytes(4)),
            image!(ImageLuma16, deep(1)),
            image!(ImageLumaA16, deep(2)),
            image!(ImageRgb16, deep(3)),
            image!(ImageRgba16, deep(4)),
        ] {
            assert_eq!(to_image(from_image(&image).unwrap().view()).unwrap(), image);
        }
        assert!(from_image(&DynamicImage::new_rgb32f(1, 1)).is_err());
    }
}
