# quick experiment: small neural net on two moons
from sklearn.neural_network import MLPClassifier
from sklearn.datasets import make_moons
import warnings; warnings.filterwarnings("ignore")

X, y = make_moons(n_samples=400, noise=0.25, random_state=1)
Xtr, ytr, Xte, yte = X[:300], y[:300], X[300:], y[300:]

net = MLPClassifier(
    hidden_layer_sizes=(16, 8),     # two layers
    activation="relu",
    alpha=1e-4,                     # L2
    learning_rate_init=0.005,
    batch_size=32,
    max_iter=60,
    tol=1e-9,
    random_state=7,
    verbose=False,
).fit(Xtr, ytr)

print("loss", net.loss_)
print("accuracy", net.score(Xte, yte))
