# -*- coding: utf-8 -*-
import json
import numpy as np

SETTINGS = {
    "data": {"n_points": 200, "noise_sd": 0.2, "train_share": 0.75},
    "model": {"kind": "rff", "features": 60, "length_scale": 0.8},
    "fit": {"ridge": 1e-2, "standardise": True},
    "report": {"digits": 4, "precision": 1e-6},
}


def build(settings):
    rng = np.random.default_rng(8)
    n = settings["data"]["n_points"]
    x = np.sort(rng.uniform(-3, 3, n))
    y = np.sin(2 * x) + settings["data"]["noise_sd"] * rng.standard_normal(n)
    keep = rng.random(n) < settings["data"]["train_share"]
    return x, y, keep


def features(x, m):
    rng = np.random.default_rng(1)
    w = rng.standard_normal(m["features"]) / m["length_scale"]
    b = rng.uniform(0, 2 * np.pi, m["features"])
    return np.sqrt(2 / m["features"]) * np.cos(np.outer(x, w) + b)


def run():
    x, y, keep = build(SETTINGS)
    phi = features(x, SETTINGS["model"])
    a = phi[keep]
    w = np.linalg.solve(a.T @ a + SETTINGS["fit"]["ridge"] * np.eye(a.shape[1]), a.T @ y[keep])
    r = phi[~keep] @ w - y[~keep]
    return float(np.mean(r**2))


print(json.dumps({"mse": round(run(), SETTINGS["report"]["digits"])}))
