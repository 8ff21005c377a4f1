"""Spam filter by token weights.  main() -> dict with the results."""
import math
import re

MAILS = [
    ("win money now", 1), ("cheap pills offer", 1), ("meeting at noon", 0), ("project report attached", 0),
    ("win a free offer", 1), ("lunch tomorrow?", 0), ("free money win win", 1), ("report of the meeting", 0),
    ("offer for the project", 0), ("cheap cheap cheap", 1), ("noon lunch with the team", 0), ("money offer now", 1),
]


def tokens(text):
    return re.findall(r"[a-z]+", text.lower())


def fit(mails, alpha=1.0):
    spam, ham = {}, {}
    for text, label in mails:
        for tok in tokens(text):
            (spam if label else ham)[tok] = (spam if label else ham).get(tok, 0) + 1
    vocab = set(spam) | set(ham)
    s, h = sum(spam.values()), sum(ham.values())
    return {t: math.log((spam.get(t, 0) + alpha) / (s + alpha * len(vocab))) - math.log((ham.get(t, 0) + alpha) / (h + alpha * len(vocab))) for t in vocab}


def classify(weights, text, threshold=0.2, unknown=-0.1):
    return int(sum(weights.get(t, unknown) for t in tokens(text)) > threshold)


def main():
    hits, probs = 0, 0.0
    for i in range(len(MAILS)):
        w = fit(MAILS[:i] + MAILS[i + 1:])
        hits += classify(w, MAILS[i][0]) == MAILS[i][1]
    results = {"accuracy": hits / len(MAILS), "n": len(MAILS), "schema": 2}
    return results


print(main())
