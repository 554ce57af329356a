"""Images as other programs write them, with what they hold: pictures.py FOLDER writes them and list.json.

Each entry has the file, and either the code of the refusal, or size, channels, bits, frames, the file of the samples that
Pillow reads (those of a pixel adjacent, 16 bits little-endian), by how much a decoder may differ, and codes of warnings.
"""
import json
import os
import subprocess
import sys

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin

folder = sys.argv[1]
listed = []
rng = np.random.default_rng(1)


def at(name):
    return os.path.join(folder, name)


def array(h, w, c, kind=np.uint8):
    y, x = np.mgrid[0:h, 0:w]
    base = (x * 3 + y * 2)[..., None] + np.arange(c) * 40 + rng.integers(0, 5, (h, w, c))
    return (base % 256).astype(np.uint8) if kind == np.uint8 else ((base * 197) % 65536).astype(np.uint16)


def case(name, want, tolerance=0, warnings=(), error=None, rate=None):
    """A file that is there; `want` has shape (frames, height, width, channels)."""
    entry = {"file": name, "warnings": list(warnings)}
    if error:
        entry["error"] = error
    else:
        want = np.asarray(want)
        if want.dtype == bool:
            want = want.astype(np.uint8) * 255
        if want.ndim == 2:
            want = want[..., None]
        if want.ndim == 3:
            want = want[None]
        bits = 16 if want.dtype.itemsize > 1 else 8
        raw = name + ".raw"
        want.astype("<u2").tofile(at(raw))
        frames, h, w, c = want.shape
        entry.update(raw=raw, frames=frames, width=w, height=h, channels=c, bits=bits, tolerance=tolerance, rate=rate)
    listed.append(entry)


def save(name, image, **options):
    image.save(at(name), **options)
    return name


def loaded(name, mode=None):
    image = Image.open(at(name))
    image.load()
    return np.array(image.convert(mode) if mode else image)


rgb = Image.fromarray(array(33, 47, 3))
rgba = Image.fromarray(array(33, 47, 4))
grey = Image.fromarray(array(33, 47, 1)[..., 0])
two = Image.fromarray(array(33, 47, 2), "LA")
deep = array(33, 47, 1, np.uint16)[..., 0]
grey16 = Image.fromarray(deep)
bilevel = grey.point(lambda v: 255 if v > 100 else 0).convert("1")
profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
exif = Image.Exif()
exif[0x0112] = 6
exif[0x010E] = "a picture"
text = PngImagePlugin.PngInfo()
text.add_text("Title", "so it goes")
text.add_itxt("Author", "\u00dc")

case(save("rgb.png", rgb), rgb)
case(save("rgba.png", rgba), rgba)
case(save("grey.png", grey), grey)
case(save("grey-alpha.png", two), two)
case(save("grey-16.png", grey16), deep)
case(save("palette.png", rgb.quantize(40)), loaded("palette.png", "RGB"))
case(save("bilevel.png", bilevel), loaded("bilevel.png", "L"))
case(save("said.png", rgb, pnginfo=text, icc_profile=profile, exif=exif, dpi=(300, 300)), rgb)
case(save("baseline.jpg", rgb, quality=90, exif=exif, icc_profile=profile), loaded("baseline.jpg"), 4)
case(save("420.jpg", rgb, quality=75, subsampling=2), loaded("420.jpg"), 4)
case(save("422.jpg", rgb, quality=75, subsampling=1), loaded("422.jpg"), 4)
case(save("progressive.jpg", rgb, progressive=True), loaded("progressive.jpg"), 4)
case(save("grey.jpg", grey, quality=95), loaded("grey.jpg"), 2)
case(save("cmyk.jpg", rgb.convert("CMYK"), quality=95), loaded("cmyk.jpg", "RGB"), 4, ["colours-converted"])
case(save("lossless.webp", rgba, lossless=True, exact=True), rgba)
case(save("lossy.webp", rgb, exif=exif, icc_profile=profile), loaded("lossy.webp"), 1)
case(save("still.gif", rgb.quantize(64), comment=b"so"), loaded("still.gif", "RGB"))
for packing in ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"]:
    case(save(f"{packing}.tif", rgb, compression=packing), rgb)
case(save("jpeg.tif", rgb, compression="jpeg"), loaded("jpeg.tif"), 4)
case(save("fax.tif", bilevel, compression="group4"), loaded("fax.tif", "L"))
case(save("grey-16.tif", grey16), deep)
case(save("rgba.tif", rgba), rgba)
case(save("said.tif", rgb, tiffinfo={270: "a picture", 315: "me"}, dpi=(72, 72)), rgb)
case(save("turned.tif", rgb, tiffinfo={274: 6}), rgb, 0, ["metadata-not-kept"])
case(save("pages.tif", rgb, save_all=True, append_images=[rgb]), rgb, 0, ["frames-left-out"])
case(save("inks.tif", rgb.convert("CMYK")), loaded("inks.tif", "RGB"), 2, ["colours-converted"])
save("float.tif", Image.fromarray(array(9, 9, 1)[..., 0].astype(np.float32)))
case("float.tif", None, error="encoding-not-read")
case(save("rgb.bmp", rgb), rgb)
case(save("palette.bmp", rgb.quantize(30)), loaded("palette.bmp", "RGB"))
case(save("rgb.ppm", rgb), rgb)
case(save("grey.pgm", grey), grey)
case(save("grey-16.pgm", grey16), deep)
case(save("bilevel.pbm", bilevel), loaded("bilevel.pbm", "L"))
with open(at("ascii.ppm"), "w") as out:
    out.write("P3\n# said\n2 2\n255\n1 2 3 4 5 6\n7 8 9 10 11 12\n")
case("ascii.ppm", loaded("ascii.ppm"))
with open(at("most-100.pgm"), "wb") as out:
    out.write(b"P5 2 2 100\n" + bytes([0, 50, 100, 25]))
case("most-100.pgm", loaded("most-100.pgm"), 1)
with open(at("two.pgm"), "wb") as out:
    out.write(2 * (b"P5 2 2 255\n" + bytes([0, 50, 100, 25])))
case("two.pgm", np.uint8([[0, 50], [100, 25]]), 0, ["bytes-after-the-end"])

frames = [Image.fromarray(array(33, 47, 3)) for _ in range(4)]
stack = np.stack([np.array(f) for f in frames])
case(save("frames.png", frames[0], save_all=True, append_images=frames[1:], duration=100), stack, rate=[10, 1])
case(
    save("frames.webp", frames[0], save_all=True, append_images=frames[1:], duration=40, lossless=True),
    stack, 1, rate=[25, 1],
)
few = [f.quantize(50) for f in frames]
stack = np.stack([np.array(f.convert("RGB")) for f in few])
case(save("frames.gif", few[0], save_all=True, append_images=few[1:], duration=100), stack, rate=[10, 1])
save("uneven.gif", few[0], save_all=True, append_images=few[1:], duration=[100, 200, 100, 50])
case("uneven.gif", stack, 0, ["uneven-frame-rate"], rate=[80, 9])

for name, options in [("thrice.gif", {}), ("thrice.webp", {"lossless": True})]:
    pictures = few if name.endswith("gif") else frames
    save(name, pictures[0], save_all=True, append_images=pictures[1:], duration=100, loop=3, **options)
    want = stack if name.endswith("gif") else np.stack([np.array(f) for f in frames])
    case(name, want, 1, ["metadata-not-kept"], rate=[10, 1])

whole = open(at("rgb.png"), "rb").read()
for name, content, codes in [("behind.png", whole + b"more", ["bytes-after-the-end"])]:
    open(at(name), "wb").write(content)
    case(name, rgb, 0, codes)
coded = open(at("baseline.jpg"), "rb").read()
open(at("cut.jpg"), "wb").write(coded[: len(coded) - 40])
case("cut.jpg", loaded("baseline.jpg"), 255, ["ends-early"])
open(at("a-jpeg.png"), "wb").write(coded)
case("a-jpeg.png", loaded("baseline.jpg"), 4)
open(at("behind.jpg"), "wb").write(coded + b"more")
case("behind.jpg", loaded("baseline.jpg"), 4, ["bytes-after-the-end"])
# Of another program, and what only that reads.
for name, want, tolerance in [("ffmpeg.bmp", rgb, 0), ("ffmpeg.tiff", rgb, 0), ("ffmpeg.qoi", rgb, 0), ("ffmpeg.pam", rgb, 0)]:
    done = subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", at("rgb.png"), at(name)], check=False)
    if done.returncode == 0:
        case(name, want, tolerance)
json.dump(listed, open(at("list.json"), "w"))
print(len(listed))
