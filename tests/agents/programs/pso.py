import numpy as np

class PSO:
    def __init__(self, func, dim, n_particles=20, w=0.7, c1=1.5, c2=1.5, v_max=0.5):
        self.func, self.dim = func, dim
        self.n_particles, self.w, self.c1, self.c2, self.v_max = n_particles, w, c1, c2, v_max

    def run(self, iters=60, low=-5.0, high=5.0, seed=2):
        rng = np.random.RandomState(seed)
        x = rng.uniform(low, high, (self.n_particles, self.dim))
        v = np.zeros_like(x)
        pbest, pval = x.copy(), np.array([self.func(p) for p in x])
        for it in range(iters):
            g = pbest[pval.argmin()]
            r1, r2 = rng.rand(*x.shape), rng.rand(*x.shape)
            v = self.w * v + self.c1 * r1 * (pbest - x) + self.c2 * r2 * (g - x)
            v = np.clip(v, -self.v_max, self.v_max)
            x = x + v
            val = np.array([self.func(p) for p in x])
            better = val < pval
            pbest[better], pval[better] = x[better], val[better]
        return pval.min()

def rosenbrock(x):
    return float(np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2))

if __name__ == '__main__':
    best = PSO(rosenbrock, dim=4).run()
    print('best_value:', best)
