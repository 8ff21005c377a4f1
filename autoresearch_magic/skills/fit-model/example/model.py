"""The model: how handwritten digits are told apart. `build` returns it unfitted."""

from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC

MODEL = "logistic"  # one of: logistic, neighbours, svm
SCALER = "none"  # one of: none, standard, range
COMPONENTS = 8  # 4 .. 40, directions that are kept of the 64 pixels
PENALTY = 0.001  # 0.0001 .. 100 log, C of the logistic and of the svm
NEIGHBOURS = 25  # 1 .. 40


def build():
    steps = []
    if SCALER != "none":
        steps.append(("scale", StandardScaler() if SCALER == "standard" else MinMaxScaler()))
    steps.append(("reduce", PCA(COMPONENTS, random_state=0)))
    if MODEL == "svm":
        steps.append(("classify", SVC(C=PENALTY)))
    elif MODEL == "neighbours":
        steps.append(("classify", KNeighborsClassifier(NEIGHBOURS)))
    else:
        steps.append(("classify", LogisticRegression(C=PENALTY, max_iter=300)))
    return Pipeline(steps)
