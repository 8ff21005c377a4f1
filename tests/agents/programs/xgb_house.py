# %% [markdown]
# # House prices
# %%
import numpy as np
import pandas as pd
import xgboost as xgb

df = pd.read_csv("../input/house/train.csv").sample(frac=1.0, random_state=3)
y = np.log1p(df.pop("SalePrice"))
df = pd.get_dummies(df).fillna(0)

# %%
xgb_params = dict(
    eta=0.05,
    max_depth=5,
    subsample=0.7,
    colsample_bytree=0.7,
    min_child_weight=1.5,
    gamma=0.0,
    reg_lambda=1.0,
    objective="reg:squarederror",
    eval_metric="rmse",
    nthread=8,
    silent=1,
)
dtrain = xgb.DMatrix(df, y)
cv_output = xgb.cv(xgb_params, dtrain, num_boost_round=1000, nfold=5, early_stopping_rounds=20, verbose_eval=50, show_stdv=False, seed=17)

# %%
best = cv_output["test-rmse-mean"].min()
print("rmse", best)
