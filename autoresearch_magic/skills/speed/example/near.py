"""Which pairs of points lie close together: the part of a simulation that takes nearly all of its time."""

import math

METHOD = "pairs"  # one of: pairs, sorted, grid
CELL = 6.0  # 0.3 .. 12 log, width of a cell of the grid, in radii
HALF = False  # look at half of the neighbouring cells, as the other half will look back
ROOT = True  # compare distances; else their squares, which needs no root


def close_pairs(points, radius):
    """Return the pairs (i, j), i < j, of points that are at most `radius` apart, in ascending order."""
    if METHOD == "grid":
        candidates = _within_cells(points, radius)
    elif METHOD == "sorted":
        candidates = _within_strip(points, radius)
    else:
        candidates = ((i, j) for i in range(len(points)) for j in range(i + 1, len(points)))
    found = set()
    for i, j in candidates:
        (ax, ay), (bx, by) = points[i], points[j]
        if ROOT:
            close = math.sqrt((ax - bx) ** 2 + (ay - by) ** 2) <= radius
        else:
            close = (ax - bx) * (ax - bx) + (ay - by) * (ay - by) <= radius * radius
        if close:
            found.add((i, j) if i < j else (j, i))
    return sorted(found)


def _within_strip(points, radius):
    """Yield pairs whose first coordinates are near, by going through the points from left to right."""
    order = sorted(range(len(points)), key=lambda i: points[i])
    for place, i in enumerate(order):
        for j in order[place + 1 :]:
            if points[j][0] - points[i][0] > radius:
                break
            yield i, j


def _within_cells(points, radius):
    """Yield pairs that are in the same cell of a grid, or in cells that are near enough."""
    width = CELL * radius
    reach = math.ceil(1 / CELL)
    cells = {}
    for i, (x, y) in enumerate(points):
        cells.setdefault((math.floor(x / width), math.floor(y / width)), []).append(i)
    steps = [(dx, dy) for dx in range(-reach, reach + 1) for dy in range(-reach, reach + 1)]
    if HALF:
        steps = [step for step in steps if step >= (0, 0)]
    for (column, row), members in cells.items():
        for dx, dy in steps:
            for j in cells.get((column + dx, row + dy), ()):
                for i in members:
                    if i != j:
                        yield i, j
