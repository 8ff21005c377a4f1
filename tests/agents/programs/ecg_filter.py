import numpy as np
from scipy import signal

FS = 250.0
DURATION = 10
HEART_RATE = 72.0

def synth(rng):
    t = np.arange(int(FS * DURATION)) / FS
    clean = sum(np.exp(-((t - k * 60.0 / HEART_RATE) ** 2) / (2 * 0.02 ** 2)) for k in range(1, 12))
    noisy = clean + 0.4 * np.sin(2 * np.pi * 50.0 * t) + 0.2 * rng.standard_normal(t.size) + 0.5 * np.sin(2 * np.pi * 0.3 * t)
    return clean, noisy

def denoise(x):
    b, a = signal.iirnotch(50.0, Q=30.0, fs=FS)
    x = signal.filtfilt(b, a, x)
    low = 0.5
    high = 35.0
    order = 3
    sos = signal.butter(order, [low, high], btype="bandpass", fs=FS, output="sos")
    x = signal.sosfiltfilt(sos, x)
    return signal.savgol_filter(x, window_length=11, polyorder=3)

clean, noisy = synth(np.random.default_rng(0))
out = denoise(noisy)
clean = clean - clean.mean()
snr = 10 * np.log10(np.sum(clean ** 2) / np.sum((clean - out) ** 2))
print("SNR (dB): %.3f" % snr)
