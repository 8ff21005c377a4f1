import argparse
import numpy as np


def parse():
    p = argparse.ArgumentParser(description="polynomial ridge regression")
    p.add_argument("--degree", type=int, default=5)
    p.add_argument("--l2", type=float, default=0.01, help="penalty")
    p.add_argument("--lr", type=float, default=0.1)
    p.add_argument("--steps", type=int, default=200)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--n-samples", type=int, default=120)
    p.add_argument("--noise", type=float, default=0.1)
    p.add_argument("--test-fraction", type=float, default=0.25)
    p.add_argument("--out", default="model.npz")
    return p.parse_args()


def main(args):
    rng = np.random.default_rng(args.seed)
    x = rng.uniform(-1, 1, args.n_samples)
    y = np.sin(3 * x) + rng.normal(0, args.noise, args.n_samples)
    V = np.vander(x, args.degree + 1, increasing=True)
    cut = int(args.n_samples * (1 - args.test_fraction))
    w = np.zeros(args.degree + 1)
    for _ in range(args.steps):
        g = V[:cut].T @ (V[:cut] @ w - y[:cut]) / cut + args.l2 * w
        w -= args.lr * g
    print("test_mse:", np.mean((V[cut:] @ w - y[cut:]) ** 2))


if __name__ == "__main__":
    main(parse())
