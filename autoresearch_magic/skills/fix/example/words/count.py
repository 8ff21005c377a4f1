"""Counting words."""


def words(text):
    """Return the words of a text in lower case, without the punctuation around them."""
    return [word.strip(".,;:!?").lower() for word in text.split(" ")]


def most_common(text, count=3):
    """Return the most frequent words, ties in alphabetical order."""
    found = {}
    for word in words(text):
        found[word] = found.get(word, 0) + 1
    return sorted(found, key=lambda word: found[word])[:count]


def mean_length(text):
    """Return the mean length of a text's words; 0 for a text without any."""
    lengths = [len(word) for word in words(text)]
    return sum(lengths) // len(lengths)
