# In[1]:
import numpy as np
import pandas as pd

# In[2]:
rng = np.random.default_rng(20)
price = pd.Series(100 * np.exp(np.cumsum(0.0004 + 0.01 * rng.standard_normal(1000))), index=pd.date_range("2020-01-01", periods=1000))
price.head(10)

# In[3]: moving average crossover
fast = price.rolling(10).mean()
slow = price.rolling(window=50).mean()
vol = price.pct_change().ewm(span=20).std()

# In[4]:
signal = (fast > slow).astype(int)
signal[vol > 0.015] = 0
FEE = 0.001
returns = price.pct_change().shift(-1) * signal - FEE * signal.diff().abs()

# In[5]:
sharpe = returns.mean() / returns.std() * np.sqrt(252)
print("Sharpe ratio:", round(sharpe, 3))
