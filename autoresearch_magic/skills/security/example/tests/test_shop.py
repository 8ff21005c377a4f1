"""What the shop has to do, however safely. Run from the repository's top folder."""

import os
import sqlite3
import tempfile
import unittest

from shop import accounts, orders, reports


class AccountsTest(unittest.TestCase):
    def test_a_password_is_known_again(self):
        salt = accounts.new_salt()
        stored = accounts.hash_password("correct horse", salt)
        self.assertTrue(accounts.check_password("correct horse", salt, stored))
        self.assertFalse(accounts.check_password("wrong horse", salt, stored))
        self.assertNotIn("correct", stored)
        self.assertNotEqual(stored, accounts.hash_password("correct horse", salt + "x"))

    def test_tokens_differ(self):
        tokens = {accounts.new_token() for _ in range(100)}
        self.assertEqual(len(tokens), 100)
        self.assertTrue(all(len(token) == 24 and set(token) <= set(accounts.ALPHABET) for token in tokens))


class OrdersTest(unittest.TestCase):
    def setUp(self):
        self.connection = sqlite3.connect(":memory:")
        self.addCleanup(self.connection.close)
        orders.create(self.connection)

    def test_orders_come_back(self):
        first = orders.add(self.connection, "ada", 12.5)
        orders.add(self.connection, "bob", 3)
        last = orders.add(self.connection, "ada", 7)
        self.assertEqual(orders.of_customer(self.connection, "ada"), [(first, 12.5), (last, 7.0)])

    def test_orders_go(self):
        number = orders.add(self.connection, "ada", 1)
        orders.remove(self.connection, number)
        orders.remove(self.connection, number)
        self.assertEqual(orders.of_customer(self.connection, "ada"), [])


class ReportsTest(unittest.TestCase):
    def test_discounts(self):
        self.assertAlmostEqual(reports.discounted("price * 0.9", 50), 45)
        self.assertEqual(reports.discounted("price - 5", 50), 45)
        self.assertEqual(reports.discounted("(price + 10) / 2", 50), 30)
        self.assertEqual(reports.discounted("-price + 60", 50), 10)

    def test_drafts(self):
        path = reports.put_aside({"title": "May", "rows": [1, 2.5, None], "done": True})
        self.addCleanup(os.remove, path)
        self.assertEqual(reports.take_up(path), {"title": "May", "rows": [1, 2.5, None], "done": True})

    def test_lines(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "some.txt")
            with open(path, "w") as file:
                file.write("a\nb\nc\n")
            self.assertEqual(reports.lines(path), 3)


if __name__ == "__main__":
    unittest.main()
