import pandas as pd, numpy as np

# ---- data ------------------------------------------------------------
r = np.random.RandomState(1)
n_users, n_items = 60, 40
true_u, true_i = r.randn(n_users, 3), r.randn(n_items, 3)
rows = [(u, i, float(true_u[u] @ true_i[i] + 0.3 * r.randn())) for u in range(n_users) for i in range(n_items) if r.rand() < 0.4]
ratings = pd.DataFrame(rows, columns=["user", "item", "rating"])
holdout = ratings.sample(frac=0.2, random_state=2)
fitset = ratings.drop(holdout.index)

# ---- model -----------------------------------------------------------
n_factors   = 4
n_epochs    = 10
reg         = 0.05
step_size   = 0.03
init_scale  = 0.1

P = r.randn(n_users, n_factors) * init_scale
Q = r.randn(n_items, n_factors) * init_scale
mu = fitset.rating.mean()
for epoch in range(n_epochs):
    for row in fitset.itertuples(index=False):
        e = row.rating - mu - P[row.user] @ Q[row.item]
        P[row.user] += step_size * (e * Q[row.item] - reg * P[row.user])
        Q[row.item] += step_size * (e * P[row.user] - reg * Q[row.item])

pred = mu + (P[holdout.user] * Q[holdout.item]).sum(axis=1)
print("RMSE", np.sqrt(((holdout.rating - pred) ** 2).mean()))
