"""Figures for metrics.toml from independent implementations.

pip install numpy soundfile pystoi==0.4.1 pesq==0.0.4 librosa==0.11.0 scikit-image==0.25.2 \
    tensorflow-cpu==2.21.0 ssimulacra2==0.3.0 bjontegaard==1.3.0
python3 metrics.py FOLDER > metrics.toml, with the files of the example metric_pairs.
"""

import sys
import tomllib
from pathlib import Path

import bjontegaard
import librosa
import numpy as np
import soundfile
import tensorflow as tf
from pesq import pesq
from pystoi import stoi
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from ssimulacra2 import compute_ssimulacra2

FOLDER = Path(sys.argv[1])


def table(name, **figures):
    print(f"\n[{name}]")
    for key, value in figures.items():
        if value is not None:
            print(f"{key} = {value:.9f}")


def pairs(ending):
    for path in sorted(FOLDER.glob("*_ref" + ending)):
        name = path.name.removesuffix("_ref" + ending)
        yield name, path, path.with_name(name + "_deg" + ending)


def si_sdr(x, y):
    # Le Roux et al. 2019, by projection.
    x, y = x - x.mean(), y - y.mean()
    target = np.linalg.lstsq(x[:, None], y, rcond=None)[0][0] * x
    return 10 * np.log10(np.sum(target**2) / np.sum((y - target) ** 2))


def mel(x):
    power = librosa.feature.melspectrogram(
        y=x, sr=16000, n_fft=512, hop_length=128, n_mels=80, center=False, dtype=np.float64
    )
    return librosa.power_to_db(power, amin=1e-8, top_db=None)


def psnr(x, y, peak):
    """Of an array, or of three planes: 6:1:1 of their decibels and 4:1:1 of their errors."""
    if isinstance(x, np.ndarray):
        return peak_signal_noise_ratio(x, y, data_range=peak)
    each = [psnr(a, b, peak) for a, b in zip(x, y)]
    errors = [np.mean((a.astype(float) - b) ** 2) for a, b in zip(x, y)]
    return (
        np.average(each, weights=[6, 1, 1]),
        10 * np.log10(peak**2 / np.average(errors, weights=[4, 1, 1])),
    )


def ssim(x, y, peak):
    return structural_similarity(
        x,
        y,
        data_range=peak,
        channel_axis=2 if x.ndim == 3 else None,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )


def ms_ssim(x, y, peak):
    if min(x.shape[:2]) <= 160:
        return None
    x, y = [tf.constant(np.atleast_3d(v), tf.float32) for v in (x, y)]
    return float(tf.image.ssim_multiscale(x, y, peak, filter_size=11, filter_sigma=1.5))


def ycbcr(rgb):
    # ITU-T T.871 (JFIF), unrounded.
    r, g, b = np.moveaxis(rgb.astype(float), 2, 0)
    y = 0.299 * r + 0.587 * g + 0.114 * b
    return y, (b - y) / 1.772 + 128, (r - y) / 1.402 + 128


def ppm(path):
    magic, size, peak, samples = path.read_bytes().split(b"\n", 3)
    assert (magic, peak) == (b"P6", b"255")
    width, height = map(int, size.split())
    return np.frombuffer(samples, np.uint8).reshape(height, width, 3)


def y4m(path):
    """Planes, each with all of its frames, and the peak."""
    head, *frames = path.read_bytes().split(b"FRAME\n")
    fields = {f[:1]: f[1:].decode() for f in head.split()[1:]}
    width, height = int(fields[b"W"]), int(fields[b"H"])
    chroma, _, bits = fields[b"C"].partition("p")
    bits = int(bits) if bits.isdigit() else 8
    across, down = {"420": (2, 2), "422": (2, 1), "444": (1, 1)}[chroma[:3]]
    small = -(-height // down), -(-width // across)
    sizes = [(height, width), small, small]
    ends = np.cumsum([h * w for h, w in sizes])
    planes = [[], [], []]
    for frame in frames:
        samples = np.frombuffer(frame, "<u2" if bits > 8 else "u1")
        assert len(samples) == ends[-1]
        for plane, part, size in zip(planes, np.split(samples, ends[:2]), sizes):
            plane.append(part.reshape(size))
    return [np.array(p) for p in planes], 2**bits - 1


print(
    "# Written by metrics.py: pystoi 0.4.1, pesq 0.0.4 (the ITU's C code), librosa 0.11.0,\n"
    "# scikit-image 0.25.2, TensorFlow 2.21.0 (MS-SSIM), ssimulacra2 0.3.0, bjontegaard 1.3.0."
)
for name, ref, deg in pairs(".wav"):
    x, rate = soundfile.read(ref)
    y, _ = soundfile.read(deg)
    assert rate == 16000 and len(x) == len(y)
    table(
        "speech." + name,
        snr=10 * np.log10(np.sum(x**2) / np.sum((x - y) ** 2)),
        si_sdr=si_sdr(x, y),
        log_mel=np.mean(np.abs(mel(x) - mel(y))),
        stoi=stoi(x, y, rate),
        estoi=stoi(x, y, rate, extended=True),
        pesq_wb=pesq(rate, x, y, "wb"),
    )

for name, ref, deg in pairs(".ppm"):
    x, y = ppm(ref), ppm(deg)
    planes = ycbcr(x), ycbcr(y)
    yuv611, yuv411 = psnr(*planes, 255)
    # The package reads files; Pillow knows PPM.
    table(
        "image." + name,
        psnr_rgb=psnr(x, y, 255),
        psnr_y=psnr(planes[0][0], planes[1][0], 255),
        psnr_yuv611=yuv611,
        psnr_yuv411=yuv411,
        ssim=ssim(x, y, 255),
        ms_ssim=ms_ssim(x, y, 255),
        ssimulacra2=compute_ssimulacra2(str(ref), str(deg)),
    )

for name, ref, deg in pairs(".y4m"):
    (x, peak), (y, _) = y4m(ref), y4m(deg)
    yuv611, yuv411 = psnr(x, y, peak)
    frames = list(zip(x[0].astype(float), y[0].astype(float)))
    scales = [ms_ssim(a, b, peak) for a, b in frames]
    table(
        "video." + name,
        psnr_y=psnr(x[0], y[0], peak),
        psnr_yuv611=yuv611,
        psnr_yuv411=yuv411,
        ssim=np.mean([ssim(a, b, peak) for a, b in frames]),
        ms_ssim=None if None in scales else np.mean(scales),
    )

curves = tomllib.loads(Path(__file__).with_name("curves.toml").read_text())
for name, pair in curves.items():
    columns = [np.array(sorted(pair[which])).T for which in ("anchor", "test")]
    arguments = [*columns[0], *columns[1]]
    rest = dict(require_matching_points=False, min_overlap=0)
    table(
        "bd." + name,
        **{
            f"{what}_{fit}": f(*arguments, method=fit, **rest)
            for what, f in (("rate", bjontegaard.bd_rate), ("quality", bjontegaard.bd_psnr))
            for fit in ("pchip", "akima")
        },
    )
