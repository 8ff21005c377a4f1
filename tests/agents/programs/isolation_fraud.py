"""Unsupervised fraud detection, report precision at the top."""
import numpy as np
import pandas as pd
from sklearn.ensemble import IsolationForest
from sklearn.preprocessing import QuantileTransformer

def transactions(n=2000, fraud=0.03, seed=77):
    rs = np.random.RandomState(seed)
    X = rs.lognormal(1.0, 0.6, (n, 4))
    y = rs.rand(n) < fraud
    X[y] *= rs.uniform(1.5, 3.0, (y.sum(), 4))
    return pd.DataFrame(X, columns=list("abcd")), y

X, y = transactions()
Z = QuantileTransformer(n_quantiles=200, output_distribution="normal").fit_transform(X)
forest = IsolationForest(n_estimators=60, max_samples=256, contamination=0.05, max_features=1.0, bootstrap=False, random_state=0)
score = -forest.fit(Z).score_samples(Z)
top = np.argsort(-score)[:60]
print("precision_at_60", y[top].mean())
