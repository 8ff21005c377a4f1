from collections import Counter
import math, re

CHUNK_SIZE = 60
CHUNK_OVERLAP = 15
TITLE_WEIGHT = 1.5
BIGRAM_BONUS = 0.3
MIN_SCORE = 0.01
STOP_RATIO = 0.5

PAPERS = {
    "transformers": "attention lets a model weigh tokens . heads run in parallel . positional codes give order to tokens .",
    "trees": "a forest averages many trees . each tree sees a bootstrap sample . splits use few features .",
    "kernels": "a kernel measures similarity . the machine separates classes with a margin . slack allows errors .",
}
QUESTIONS = [("what gives order to tokens", "transformers"), ("what does each tree see", "trees"), ("what allows errors", "kernels"), ("similarity of classes", "kernels")]
ANSWERS_SHOWN = 1

def toks(s):
    return re.findall(r"\w+", s.lower())

def chunks():
    for title, text in PAPERS.items():
        step = max(1, CHUNK_SIZE - CHUNK_OVERLAP)
        for i in range(0, len(text), step):
            yield title, text[i:i + CHUNK_SIZE]

ALL = list(chunks())
DF = Counter(w for _, c in ALL for w in set(toks(c)))

def relevance(q, title, c):
    qs, cs = toks(q), toks(c)
    s = 0.0
    for w in qs:
        if DF[w] / len(ALL) > STOP_RATIO:
            continue
        s += cs.count(w) * math.log((1 + len(ALL)) / (1 + DF[w]))
        s += TITLE_WEIGHT * (w in title)
    s += BIGRAM_BONUS * len(set(zip(qs, qs[1:])) & set(zip(cs, cs[1:])))
    return s if s > MIN_SCORE else 0.0

def mrr():
    total = 0.0
    for q, gold in QUESTIONS:
        ranked = sorted(ALL, key=lambda tc: -relevance(q, *tc))
        total += 1 / (1 + [t for t, _ in ranked].index(gold))
    return total / len(QUESTIONS)

print(f"MRR: {mrr():.4f}")
