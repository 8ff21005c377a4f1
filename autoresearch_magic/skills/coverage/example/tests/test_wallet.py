"""Tests of the wallet. Run from the repository's top folder."""

import unittest

from wallet import money
from wallet.ledger import Ledger


class MoneyTest(unittest.TestCase):
    def test_amounts_are_written(self):
        self.assertEqual(money.write(120000), "1,200.00")


class LedgerTest(unittest.TestCase):
    def test_money_goes_in(self):
        ledger = Ledger()
        ledger.put(500)
        self.assertEqual(ledger.balance, 500)


if __name__ == "__main__":
    unittest.main()
