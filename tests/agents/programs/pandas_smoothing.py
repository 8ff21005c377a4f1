import pandas as pd
import numpy as np

np.random.seed(0)
idx = pd.period_range("2015-01", periods=84, freq="M")
sales = pd.Series(200 + 2 * np.arange(84) + 30 * np.sin(2 * np.pi * np.arange(84) / 12) + np.random.normal(0, 8, 84), index=idx)

train, test = sales[:-12], sales[-12:]

ALPHA = 0.3
BETA = 0.1
GAMMA = 0.2
SEASON = 12

level, trend = train.iloc[0], 0.0
season = [0.0] * SEASON
for t, value in enumerate(train):
    s = season[t % SEASON]
    last = level
    level = ALPHA * (value - s) + (1 - ALPHA) * (level + trend)
    trend = BETA * (level - last) + (1 - BETA) * trend
    season[t % SEASON] = GAMMA * (value - level) + (1 - GAMMA) * s

forecast = [level + (h + 1) * trend + season[(len(train) + h) % SEASON] for h in range(12)]
mape = (np.abs(test.values - forecast) / test.values).mean() * 100
print(f"MAPE: {mape:.2f}%")
