from argparse import ArgumentParser, ArgumentDefaultsHelpFormatter
import sys, numpy as np

ap = ArgumentParser(formatter_class=ArgumentDefaultsHelpFormatter)
ap.add_argument("-w", "--window", type=int, default=7, help="samples")
ap.add_argument("-f", "--filter", choices=["box", "hann", "triangle"], default="box")
ap.add_argument("-t", "--threshold", type=float, default=2.5)
ap.add_argument("--refractory", type=int, default=10)
ap.add_argument("--fs", type=float, default=250.0, help="sampling rate in Hz")
ap.add_argument("--duration", type=float, default=20.0)
ap.add_argument("--plot", action="store_true")
opt = ap.parse_args()

r = np.random.RandomState(4)
n = int(opt.fs * opt.duration)
truth = np.arange(200, n - 100, 211)
sig = r.randn(n) * 0.6
for t in truth:
    sig[t:t + 12] += 4 * np.hanning(12)

k = {"box": np.ones, "hann": lambda m: np.hanning(m + 2)[1:-1], "triangle": lambda m: np.bartlett(m + 2)[1:-1]}[opt.filter](opt.window)
smooth = np.convolve(sig, k / k.sum(), "same")
z = (smooth - np.median(smooth)) / smooth.std()
found, last = [], -10**9
for i in np.flatnonzero(z > opt.threshold):
    if i - last > opt.refractory:
        found.append(i); last = i
hits = sum(any(abs(f - t - 6) < 15 for f in found) for t in truth)
precision = hits / max(1, len(found)); recall = hits / len(truth)
sys.stdout.write("F1 %.4f\n" % (2 * precision * recall / max(1e-9, precision + recall)))
