import argparse, json, numpy as np
from scipy.interpolate import UnivariateSpline
from scipy.signal import savgol_filter

def get_args():
    ap = argparse.ArgumentParser()
    ap.add_argument("--method", choices=("spline", "savgol"), default="savgol")
    ap.add_argument("--smooth", type=float, default=8.0)
    ap.add_argument("--spline-degree", type=int, default=3)
    ap.add_argument("--window", type=int, default=15, help="odd")
    ap.add_argument("--poly", type=int, default=2)
    ap.add_argument("--points", type=int, default=250)
    ap.add_argument("--sigma-noise", type=float, default=0.25)
    ap.add_argument("--rng", type=int, default=8)
    ap.add_argument("--precision", type=int, default=5)
    return ap.parse_args()

def main():
    a = get_args()
    g = np.random.default_rng(a.rng)
    x = np.linspace(0, 6, a.points)
    clean = np.sin(x) + 0.3 * np.sin(5 * x)
    y = clean + a.sigma_noise * g.normal(size=a.points)
    if a.method == "spline":
        fit = UnivariateSpline(x, y, k=min(5, a.spline_degree), s=a.smooth)(x)
    else:
        fit = savgol_filter(y, a.window | 1, min(a.poly, a.window - 1))
    print(json.dumps({"rmse": round(float(np.sqrt(np.mean((fit - clean) ** 2))), a.precision), "n": a.points}))

if __name__ == "__main__":
    main()
