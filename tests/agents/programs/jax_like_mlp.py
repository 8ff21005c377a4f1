"""MLP in plain numpy with a parameter dictionary returned by a function (no classes)."""
import numpy as np

def default_hparams():
    return dict(n_hidden=20, lr=0.2, lr_decay=0.98, batch=50, n_epochs=8, init_std=0.5, l2=1e-4)

def dataset(n=400, seed=44):
    g = np.random.default_rng(seed)
    X = g.uniform(-1, 1, (n, 2))
    return X, (np.sin(4 * X[:, 0]) > X[:, 1]).astype(float)

def init(hp, g):
    s = hp["init_std"]
    return {"W": g.normal(0, s, (2, hp["n_hidden"])), "b": np.zeros(hp["n_hidden"]), "v": g.normal(0, s, hp["n_hidden"]), "c": 0.0}

def forward(p, X):
    h = np.tanh(X @ p["W"] + p["b"])
    return h, 1 / (1 + np.exp(-(h @ p["v"] + p["c"])))

def fit(X, y, hp, seed=9):
    g = np.random.default_rng(seed)
    p, lr = init(hp, g), hp["lr"]
    for epoch in range(hp["n_epochs"]):
        for i in np.array_split(g.permutation(len(y)), max(1, len(y) // hp["batch"])):
            h, q = forward(p, X[i])
            d = (q - y[i]) / len(i)
            back = np.outer(d, p["v"]) * (1 - h ** 2)
            p["v"] -= lr * (h.T @ d + hp["l2"] * p["v"]); p["c"] -= lr * d.sum()
            p["W"] -= lr * (X[i].T @ back + hp["l2"] * p["W"]); p["b"] -= lr * back.sum(0)
        lr *= hp["lr_decay"]
    return p

X, y = dataset()
p = fit(X[:300], y[:300], default_hparams())
print("test_accuracy", np.mean((forward(p, X[300:])[1] > 0.5) == y[300:]))
