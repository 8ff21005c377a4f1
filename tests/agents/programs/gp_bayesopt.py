import numpy as np
from scipy.stats import norm
from scipy.optimize import minimize

def branin(x):
    a, b, c, r, s, t = 1.0, 5.1 / (4 * np.pi ** 2), 5 / np.pi, 6.0, 10.0, 1 / (8 * np.pi)
    return a * (x[1] - b * x[0] ** 2 + c * x[0] - r) ** 2 + s * (1 - t) * np.cos(x[0]) + s

LOWER, UPPER = np.array([-5.0, 0.0]), np.array([10.0, 15.0])
BUDGET = 20

class GP:
    def __init__(self, lengthscale=2.5, signal_var=100.0, jitter=1e-6):
        self.l, self.v, self.j = lengthscale, signal_var, jitter
    def k(self, A, B):
        d = ((A[:, None] - B[None]) ** 2).sum(-1)
        return self.v * np.exp(-d / (2 * self.l ** 2))
    def fit(self, X, y):
        self.X, self.m = X, y.mean()
        self.K = np.linalg.inv(self.k(X, X) + self.j * np.eye(len(X)))
        self.y = y - self.m
    def predict(self, Z):
        ks = self.k(Z, self.X)
        mu = ks @ self.K @ self.y + self.m
        var = np.maximum(self.v - np.einsum("ij,jk,ik->i", ks, self.K, ks), 1e-12)
        return mu, np.sqrt(var)

def expected_improvement(mu, sd, best, xi=0.05):
    z = (best - mu - xi) / sd
    return (best - mu - xi) * norm.cdf(z) + sd * norm.pdf(z)

def optimise(seed=3, n_init=5, n_candidates=300):
    g = np.random.default_rng(seed)
    X = g.uniform(LOWER, UPPER, (n_init, 2))
    y = np.array([branin(x) for x in X])
    while len(y) < BUDGET:
        gp = GP(); gp.fit(X, y)
        C = g.uniform(LOWER, UPPER, (n_candidates, 2))
        mu, sd = gp.predict(C)
        x = C[np.argmax(expected_improvement(mu, sd, y.min()))]
        X, y = np.vstack([X, x]), np.append(y, branin(x))
    return y.min()

simple_regret = optimise() - 0.397887
print("simple_regret:", simple_regret)
