import collections, math

TRAIN = [("the dog barks", "D N V"), ("a cat sleeps", "D N V"), ("the old man walks", "D A N V"), ("dogs bark", "N V"),
         ("a small bird sings a song", "D A N V D N"), ("the man sings", "D N V"), ("cats sleep", "N V")]
DEV = [("the small dog sleeps", "D A N V"), ("a man barks", "D N V"), ("old birds sing", "A N V")]

class Tagger:
    def __init__(self, add_k=0.1, suffix_len=2, suffix_mix=0.4, oov_floor=1e-4):
        self.k = add_k
        self.suffix_len = suffix_len
        self.mix = suffix_mix
        self.floor = oov_floor
        self.trans = collections.defaultdict(collections.Counter)
        self.emit = collections.defaultdict(collections.Counter)
        self.suff = collections.defaultdict(collections.Counter)

    def fit(self, data):
        for sent, tags in data:
            prev = "<s>"
            for w, t in zip(sent.split(), tags.split()):
                self.trans[prev][t] += 1
                self.emit[t][w] += 1
                self.suff[t][w[-self.suffix_len:]] += 1
                prev = t
        return self

    def p(self, table, key, given, size):
        c = table[given]
        return (c[key] + self.k) / (sum(c.values()) + self.k * size)

    def tag(self, words, beam=4):
        hyps = [(0.0, ["<s>"])]
        for w in words:
            new = []
            for lp, h in hyps:
                for t in list(self.emit):
                    e = (1 - self.mix) * self.p(self.emit, w, t, 50) + self.mix * self.p(self.suff, w[-self.suffix_len:], t, 20)
                    new.append((lp + math.log(self.p(self.trans, t, h[-1], 5)) + math.log(max(e, self.floor)), h + [t]))
            hyps = sorted(new, reverse=True)[:beam]
        return hyps[0][1][1:]

tagger = Tagger().fit(TRAIN)
good = total = 0
for s, tags in DEV:
    out = tagger.tag(s.split())
    good += sum(a == b for a, b in zip(out, tags.split()))
    total += len(out)
print("tag accuracy: %d/%d = %.4f" % (good, total, good / total))
