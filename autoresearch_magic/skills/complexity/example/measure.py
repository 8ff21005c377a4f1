"""How much complexity there is above what is easy to follow.

The sum, over all functions, of their cyclomatic complexity above `EASY`. So splitting a knot counts, and adding trivial
functions, which would lower an average, counts nothing.
"""

from pathlib import Path

from radon.complexity import cc_visit

EASY = 5


def main():
    found = [
        (max(0, block.complexity - EASY), f"{path}:{block.lineno} {block.name} {block.complexity}")
        for path in sorted(Path("parcels").glob("*.py"))
        for block in cc_visit(path.read_text())
    ]
    for excess, text in sorted(found, reverse=True):
        print(f"{excess:3} {text}")
    print(f"excess: {sum(excess for excess, _ in found)}")


if __name__ == "__main__":
    main()
