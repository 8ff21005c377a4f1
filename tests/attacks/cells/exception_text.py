# attack: an exception whose text, name and arguments raise
# against: number
# expect: crash
class Odd(Exception):
    def __str__(self):
        raise SystemExit(0)
    __repr__ = __str__
    def __getattribute__(self, name):
        if name == "args":
            raise RuntimeError("no")
        return super().__getattribute__(name)
raise Odd("x")
