# coding: utf-8
# # Thompson sampling demo (exported notebook)
# In[ ]:
import numpy as np, pandas as pd

true_rates = np.array([0.05, 0.06, 0.11, 0.04])
horizon = 1500
rng = np.random.RandomState(123)

# In[ ]:
prior_a, prior_b = 1.0, 4.0
discount = 0.999
optimism = 0.1
warmup = 20
a = np.full(4, prior_a); b = np.full(4, prior_b)
log = []
for t in range(horizon):
    if t < warmup:
        arm = t % 4
    else:
        draw = rng.beta(a, b) + optimism * np.sqrt(np.log(t + 1) / (a + b))
        arm = int(draw.argmax())
    r = rng.rand() < true_rates[arm]
    a, b = a * discount, b * discount
    a[arm] += r; b[arm] += 1 - r
    log.append((t, arm, int(r)))

# In[ ]:
df = pd.DataFrame(log, columns=["t", "arm", "reward"])
regret = horizon * true_rates.max() - true_rates[df.arm].sum()
print("regret: {:.3f}".format(regret))
df.reward.rolling(100).mean().tail(3)
