"""What `close_pairs` has to return, however it is done. Run from the repository's top folder."""

import random
import unittest

from near import close_pairs


def by_the_book(points, radius):
    limit = radius * radius
    return [
        (i, j)
        for i in range(len(points))
        for j in range(i + 1, len(points))
        if (points[i][0] - points[j][0]) ** 2 + (points[i][1] - points[j][1]) ** 2 <= limit
    ]


class ClosePairsTest(unittest.TestCase):
    def test_random_points(self):
        for number in range(20):
            draw = random.Random(number)
            points = [(draw.uniform(-1, 1), draw.uniform(-1, 1)) for _ in range(60)]
            for radius in (0.01, 0.1, 0.5):
                self.assertEqual(close_pairs(points, radius), by_the_book(points, radius))

    def test_none_and_one(self):
        self.assertEqual(close_pairs([], 1.0), [])
        self.assertEqual(close_pairs([(0.0, 0.0)], 1.0), [])

    def test_equal_points(self):
        self.assertEqual(close_pairs([(1.0, 1.0)] * 3, 0.1), [(0, 1), (0, 2), (1, 2)])

    def test_just_within(self):
        self.assertEqual(close_pairs([(0.0, 0.0), (3.0, 4.0), (-5.0, 0.0)], 5.0), [(0, 1), (0, 2)])

    def test_nothing_is_changed(self):
        points = [(0.3, 0.1), (0.2, 0.2), (0.1, 0.3)]
        close_pairs(points, 0.2)
        self.assertEqual(points, [(0.3, 0.1), (0.2, 0.2), (0.1, 0.3)])


if __name__ == "__main__":
    unittest.main()
