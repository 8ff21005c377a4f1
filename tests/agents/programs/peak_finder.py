import numpy as np
import scipy.signal as ss
import scipy.ndimage as ndi

def spectrum(seed=14, n=2048, peaks=15):
    r = np.random.default_rng(seed)
    x = np.arange(n)
    where = np.sort(r.choice(np.arange(50, n - 50), peaks, replace=False))
    y = sum(r.uniform(0.5, 2) * np.exp(-((x - w) ** 2) / (2 * 6.0 ** 2)) for w in where)
    return y + r.normal(scale=0.15, size=n), where

y, truth = spectrum()
smooth = ndi.gaussian_filter1d(y, sigma=2.0)
background = ndi.median_filter(smooth, size=101)
found, _ = ss.find_peaks(smooth - background, height=0.25, distance=8, prominence=0.2)
matched = sum(np.abs(truth - f).min() <= 5 for f in found)
precision = matched / max(1, len(found))
recall = sum(np.abs(found - t).min() <= 5 for t in truth) / len(truth) if len(found) else 0
print("F1:", 2 * precision * recall / max(precision + recall, 1e-12))
