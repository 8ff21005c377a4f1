"""What prices and labels have to be. Run from the repository's top folder."""

import unittest

from parcels.label import read_address
from parcels.price import price


class PriceTest(unittest.TestCase):
    def test_at_home(self):
        self.assertEqual([price(w, "DE") for w in (1, 1000, 1001, 5000, 5001, 10000, 10001, 30000)],
                         [399, 399, 599, 599, 999, 999, 1899, 1899])  # fmt: skip

    def test_next_door(self):
        for country in ("AT", "CH", "FR", "NL"):
            self.assertEqual([price(w, country) for w in (1000, 5000, 10000, 10001)], [899, 1399, 1899, 2999])

    def test_far_away(self):
        self.assertEqual([price(w, "JP") for w in (1000, 5000, 10000, 10001)], [1499, 2799, 3999, 6299])

    def test_express(self):
        self.assertEqual([price(900, c, express=True) for c in ("DE", "FR", "JP")], [1299, 2799, 2998])

    def test_fragile(self):
        self.assertEqual([price(w, "DE", fragile=True) for w in (900, 10000, 10001)], [649, 1249, 2399])
        self.assertEqual(price(900, "JP", express=True, fragile=True), 3248)

    def test_what_cannot_be_sent(self):
        for weight in (0, -1, 30001):
            with self.assertRaises(ValueError):
                price(weight, "DE")


class AddressTest(unittest.TestCase):
    def test_code_first(self):
        self.assertEqual(
            read_address("Ada\n\n Am Ring 1 \n10115 Bad  Berlin\n"),
            {"name": "Ada", "street": "Am Ring 1", "code": "10115", "town": "Bad Berlin", "country": "DE"},
        )

    def test_code_last_and_a_country(self):
        self.assertEqual(
            read_address("Ada\nRue 1\nAix en Provence 13100\nfr"),
            {"name": "Ada", "street": "Rue 1", "code": "13100", "town": "Aix en Provence", "country": "FR"},
        )

    def test_what_is_no_address(self):
        for text in ("", "Ada\nRue 1", "a\nb\n1 c\nDE\ne", "a\nb\nc", "a\nb\nc d", "a\nb\n1 c\nD1", "a\nb\n1 c\nDEU"):
            with self.assertRaises(ValueError):
                read_address(text)


if __name__ == "__main__":
    unittest.main()
