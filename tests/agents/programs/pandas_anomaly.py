"""Detects anomalies in sensor data (adapted from a notebook)."""
import numpy as np
import pandas as pd

def load(n=1500, n_anomalies=25, seed=9):
    g = np.random.default_rng(seed)
    df = pd.DataFrame({"temp": 20 + np.sin(np.arange(n) / 50) + g.normal(0, 0.3, n)})
    df["label"] = 0
    where = g.choice(n, n_anomalies, replace=False)
    df.loc[where, "temp"] += g.choice([-2.0, 2.0], n_anomalies)
    df.loc[where, "label"] = 1
    return df

def detect(df: pd.DataFrame, window: int = 30, n_sigmas: float = 3.0, min_periods: int = 5) -> pd.Series:
    mean = df.temp.rolling(window, min_periods=min_periods, center=True).mean()
    std = df.temp.rolling(window, min_periods=min_periods, center=True).std()
    return ((df.temp - mean).abs() > n_sigmas * std).astype(int)

df = load()
flag = detect(df)
tp = int((flag & df.label).sum())
f1 = 2 * tp / (flag.sum() + df.label.sum())
print("F1 score = %.3f" % f1)
