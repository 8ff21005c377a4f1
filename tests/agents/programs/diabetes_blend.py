from sklearn.datasets import load_diabetes
from sklearn.ensemble import GradientBoostingRegressor, VotingRegressor
from sklearn.linear_model import Ridge, Lasso
from sklearn.neighbors import KNeighborsRegressor
from sklearn.metrics import mean_squared_error

SPLIT = 300
RANDOM_STATE = 13

bunch = load_diabetes()
a, b = bunch.data[:SPLIT], bunch.data[SPLIT:]
ya, yb = bunch.target[:SPLIT], bunch.target[SPLIT:]

blend = VotingRegressor(
    [
        ("gbr", GradientBoostingRegressor(n_estimators=40, learning_rate=0.1, subsample=0.8, max_depth=3, random_state=RANDOM_STATE)),
        ("ridge", Ridge(0.5)),
        ("lasso", Lasso(alpha=0.1)),
        ("knn", KNeighborsRegressor(9, weights="uniform")),
    ]
)
blend.fit(a, ya)
mse = mean_squared_error(yb, blend.predict(b))
print("rmse:", round(mse**0.5, 3))
