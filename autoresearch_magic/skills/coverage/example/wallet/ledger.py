"""A ledger: what came in and what went out."""


class Ledger:
    """Entries of cents, each with a word about it; it never goes below zero."""

    def __init__(self, limit=None):
        self.entries = []
        self.limit = limit

    @property
    def balance(self):
        return sum(cents for cents, _ in self.entries)

    def put(self, cents, word=""):
        """Put money in."""
        if cents <= 0:
            raise ValueError("what is put in must be above zero")
        if self.limit is not None and self.balance + cents > self.limit:
            raise ValueError("that is more than may be in it")
        self.entries.append((cents, word))

    def take(self, cents, word=""):
        """Take money out."""
        if cents <= 0:
            raise ValueError("what is taken out must be above zero")
        if cents > self.balance:
            raise ValueError("there is not so much in it")
        self.entries.append((-cents, word))

    def undo(self):
        """Take the last entry back and return it; None when there is none."""
        if not self.entries:
            return None
        return self.entries.pop()

    def by_word(self):
        """Return the sum of the entries of each word, the largest first; entries without a word count as ``other``."""
        sums = {}
        for cents, word in self.entries:
            word = word or "other"
            sums[word] = sums.get(word, 0) + cents
        return dict(sorted(sums.items(), key=lambda item: -item[1]))
