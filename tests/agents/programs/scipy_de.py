from scipy.optimize import differential_evolution, dual_annealing, minimize
import numpy as np

DIM = 5

def rastrigin(x):
    return 10.0 * len(x) + np.sum(x ** 2 - 10.0 * np.cos(2.0 * np.pi * x))

bounds = [(-5.12, 5.12)] * DIM

result = differential_evolution(
    rastrigin, bounds,
    popsize=8, mutation=0.7, recombination=0.6,
    maxiter=40, tol=1e-7, seed=5, polish=False, workers=1, disp=False,
)
print("fun: %.6f" % result.fun)
print("nfev:", result.nfev)
