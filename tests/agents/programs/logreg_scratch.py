import numpy as np

def make_data(n=300, d=5, noise=0.3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    w = rng.normal(size=d)
    y = (X @ w + noise * rng.normal(size=n) > 0).astype(float)
    return X, y

def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))

def train(X, y, lr=0.1, epochs=50, l2=1e-3, momentum=0.9, verbose=False):
    """Plain gradient descent with momentum."""
    w = np.zeros(X.shape[1])
    v = np.zeros_like(w)
    for epoch in range(epochs):
        p = sigmoid(X @ w)
        g = X.T @ (p - y) / len(y) + l2 * w
        v = momentum * v - lr * g
        w = w + v
        if verbose and epoch % 10 == 0:
            print("epoch", epoch)
    return w

def log_loss(X, y, w, eps=1e-12):
    p = np.clip(sigmoid(X @ w), eps, 1 - eps)
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))

X, y = make_data()
w = train(X[:200], y[:200])
print("val_loss =", log_loss(X[200:], y[200:], w))
