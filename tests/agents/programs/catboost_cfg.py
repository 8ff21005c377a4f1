#%%
import pandas as pd
from catboost import CatBoostClassifier, Pool
from sklearn.model_selection import GroupKFold

CFG = {
    "paths": {"train": "data/train.parquet", "out": "sub.csv"},
    "cv": {"folds": 5, "group": "customer_id"},
    "model": {
        "iterations": 800,
        "depth": 6,
        "learning_rate": 0.03,
        "l2_leaf_reg": 3.0,
        "random_strength": 1.0,
        "border_count": 128,
        "rsm": 0.9,
        "random_seed": 7,
        "thread_count": 8,
        "eval_metric": "Logloss",
        "allow_writing_files": False,
    },
    "early_stopping": 50,
}
df = pd.read_parquet(CFG["paths"]["train"])
losses = []
for tr, va in GroupKFold(n_splits=CFG["cv"]["folds"]).split(df, df.y, df[CFG["cv"]["group"]]):
    m = CatBoostClassifier(**CFG["model"], early_stopping_rounds=CFG["early_stopping"], verbose=200)
    m.fit(Pool(df.iloc[tr].drop(columns="y"), df.y.iloc[tr]), eval_set=Pool(df.iloc[va].drop(columns="y"), df.y.iloc[va]))
    losses.append(m.best_score_["validation"]["Logloss"])
print("logloss", sum(losses) / len(losses))
