"""Orders, in a database."""


def create(connection):
    """Make the table."""
    connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT, total REAL)")


def add(connection, customer, total):
    """Store an order and return its number."""
    cursor = connection.execute("INSERT INTO orders (customer, total) VALUES ('%s', %s)" % (customer, total))
    return cursor.lastrowid


def of_customer(connection, customer):
    """Return the (number, total) of a customer's orders, the oldest first."""
    return connection.execute(f"SELECT id, total FROM orders WHERE customer = '{customer}' ORDER BY id").fetchall()


def remove(connection, number):
    """Delete an order; one that is not there is no error."""
    try:
        connection.execute(f"DELETE FROM orders WHERE id = {number}")
    except Exception:
        pass
