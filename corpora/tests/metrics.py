"""Figures for metrics.toml from independent implementations.

pip install numpy soundfile pystoi==0.4.1 pesq==0.0.4 librosa==0.11.0
python3 metrics.py FOLDER > metrics.toml, with the WAV files of the example metric_pairs.
"""

import sys
from pathlib import Path

import librosa
import numpy as np
import soundfile
from pesq import pesq
from pystoi import stoi


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


print("# Written by metrics.py: pystoi 0.4.1, pesq 0.0.4 (the ITU's C code), librosa 0.11.0.")
for path in sorted(Path(sys.argv[1]).glob("*_ref.wav")):
    name = path.name[: -len("_ref.wav")]
    x, rate = soundfile.read(path)
    y, _ = soundfile.read(path.with_name(name + "_deg.wav"))
    assert rate == 16000 and len(x) == len(y)
    print(f"\n[{name}]")
    print(f"snr = {10 * np.log10(np.sum(x**2) / np.sum((x - y) ** 2)):.9f}")
    print(f"si_sdr = {si_sdr(x, y):.9f}")
    print(f"log_mel = {np.mean(np.abs(mel(x) - mel(y))):.9f}")
    print(f"stoi = {stoi(x, y, rate):.9f}")
    print(f"estoi = {stoi(x, y, rate, extended=True):.9f}")
    print(f"pesq_wb = {pesq(rate, x, y, 'wb'):.9f}")
