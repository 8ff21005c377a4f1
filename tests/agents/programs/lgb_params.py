import lightgbm as lgb
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

train = pd.read_csv("input/train.csv")
test = pd.read_csv("input/test.csv")
features = [c for c in train.columns if c not in ("id", "target")]

NFOLDS = 5
params = {
    'objective': 'binary',
    'metric': 'auc',
    'boosting_type': 'gbdt',
    'learning_rate': 0.02,
    'num_leaves': 31,
    'max_depth': -1,
    'min_child_samples': 20,
    'feature_fraction': 0.8,
    'bagging_fraction': 0.9,
    'bagging_freq': 1,
    'lambda_l1': 0.1,
    'lambda_l2': 0.2,
    'verbosity': -1,
    'num_threads': 4,
    'seed': 2019,
}

oof = train['target'] * 0.0
folds = StratifiedKFold(n_splits=NFOLDS, shuffle=True, random_state=2019)
for fold, (tr, va) in enumerate(folds.split(train, train['target'])):
    dtr = lgb.Dataset(train.iloc[tr][features], train.iloc[tr]['target'])
    dva = lgb.Dataset(train.iloc[va][features], train.iloc[va]['target'])
    booster = lgb.train(params, dtr, num_boost_round=2000, valid_sets=[dva],
                        callbacks=[lgb.early_stopping(100), lgb.log_evaluation(200)])
    oof.iloc[va] = booster.predict(train.iloc[va][features])
    print('fold', fold, roc_auc_score(train.iloc[va]['target'], oof.iloc[va]))

print('CV AUC: {:.6f}'.format(roc_auc_score(train['target'], oof)))
