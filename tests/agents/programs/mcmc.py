import numpy as np
from scipy import stats

TRUE_MEAN = 2.0
TRUE_SD = 1.5
rng = np.random.default_rng(3)
obs = rng.normal(TRUE_MEAN, TRUE_SD, size=50)

def log_posterior(theta):
    mu, log_sigma = theta
    return stats.norm.logpdf(obs, mu, np.exp(log_sigma)).sum() + stats.norm.logpdf(mu, 0, 10) + stats.norm.logpdf(log_sigma, 0, 1)

def metropolis(start, n_samples=1500, burn_in=200, proposal_scale=0.1, thin=2):
    chain, theta, lp, accepted = [], np.array(start), log_posterior(start), 0
    for i in range(n_samples):
        candidate = theta + proposal_scale * rng.standard_normal(2)
        new = log_posterior(candidate)
        if np.log(rng.uniform()) < new - lp:
            theta, lp = candidate, new
            accepted += 1
        if i >= burn_in and i % thin == 0:
            chain.append(theta)
    return np.array(chain), accepted / n_samples

def ess(x):
    x = x - x.mean()
    acf = np.correlate(x, x, "full")[len(x) - 1:] / (x @ x)
    cut = np.argmax(acf < 0.05)
    return len(x) / (1 + 2 * acf[1:max(cut, 1)].sum())

chain, rate = metropolis(start=(0.0, 0.0))
print("acceptance: %.3f" % rate)
print("ess: %.2f" % min(ess(chain[:, 0]), ess(chain[:, 1])))
