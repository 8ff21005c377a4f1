# attack: reports with odd names and values
# against: record
# expect: honest-value or no-value
def model(x):
    return x + 2.0
class Odd(float):
    def __float__(self):
        raise SystemExit
for step, values in enumerate(({"a\nb": 1.0}, {"": 1e308}, {"x" * 100_000: 1.0}, {"nan": float("nan")}, {"odd": Odd(1)}, {"huge": 10**400})):
    try:
        report(step=10**30 * step, **values)
    except BaseException:
        pass
