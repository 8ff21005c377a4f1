"""What the helpers have to do. Run from the repository's top folder."""

import unittest

from words import count, wrap


class CountTest(unittest.TestCase):
    def test_plain_words(self):
        self.assertEqual(count.words("One, two: THREE!"), ["one", "two", "three"])

    def test_any_blanks(self):
        self.assertEqual(count.words("one  two\nthree\t"), ["one", "two", "three"])

    def test_no_words(self):
        self.assertEqual(count.words(" - ! "), ["-"])
        self.assertEqual(count.words(""), [])

    def test_most_common(self):
        self.assertEqual(count.most_common("b a b c b a", 2), ["b", "a"])

    def test_ties_by_alphabet(self):
        self.assertEqual(count.most_common("c b a b", 3), ["b", "a", "c"])

    def test_mean_length(self):
        self.assertEqual(count.mean_length("one three"), 4)

    def test_mean_length_of_a_half(self):
        self.assertEqual(count.mean_length("to the"), 2.5)

    def test_mean_length_of_nothing(self):
        self.assertEqual(count.mean_length(""), 0)


class WrapTest(unittest.TestCase):
    def test_lines(self):
        self.assertEqual(wrap.wrap("aa bb cc", 5), ["aa bb", "cc"])

    def test_one_line(self):
        self.assertEqual(wrap.wrap("aa bb", 80), ["aa bb"])

    def test_a_long_word(self):
        self.assertEqual(wrap.wrap("aaaaaa bb", 3), ["aaaaaa", "bb"])

    def test_nothing_to_wrap(self):
        self.assertEqual(wrap.wrap("", 3), [])

    def test_short_enough(self):
        self.assertEqual(wrap.shorten("abc", 3), "abc")

    def test_cut(self):
        self.assertEqual(wrap.shorten("abcdef", 4), "abc…")

    def test_indent(self):
        self.assertEqual(wrap.indent(["a", "", "b"]), ["  a", "", "  b"])

    def test_indent_twice(self):
        self.assertEqual(wrap.indent(["a"], 1), [" a"])
        self.assertEqual(wrap.indent(["b"], 1), [" b"])


if __name__ == "__main__":
    unittest.main()
