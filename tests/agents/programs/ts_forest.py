import pandas as pd
import numpy as np
from sklearn.linear_model import HuberRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import PolynomialFeatures, RobustScaler

HORIZON = 7
N_LAGS = 14
ROLL = 5

t = np.arange(600)
y = pd.Series(20 + 5 * np.sin(2 * np.pi * t / 7) + 0.01 * t + np.random.RandomState(9).normal(0, 1, 600))

frame = pd.DataFrame({f"lag{k}": y.shift(k + HORIZON) for k in range(N_LAGS)})
frame["roll"] = y.shift(HORIZON).rolling(ROLL).mean()
frame["ewm"] = y.shift(HORIZON).ewm(alpha=0.3).mean()
frame = frame.dropna()
target = y.loc[frame.index]

split_at = int(len(frame) * 0.8)
pipe = Pipeline([
    ("scale", RobustScaler(quantile_range=(25.0, 75.0))),
    ("poly", PolynomialFeatures(degree=1, include_bias=False)),
    ("reg", HuberRegressor(epsilon=1.35, alpha=1e-3, max_iter=300)),
])
pipe.fit(frame[:split_at], target[:split_at])
err = (pipe.predict(frame[split_at:]) - target[split_at:]).abs()
print("MAE", round(err.mean(), 4), "| worst", round(err.max(), 2))
