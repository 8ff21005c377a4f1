from autoresearch_magic.curve import GrowingCurve, Point


def point(step):
    return Point(float(step), step / 100, step, {"loss": 1.0})


def test_a_growing_curve_holds_every_so_many_th_point_from_the_first_on():
    curve = GrowingCurve(8)
    for step in range(100):
        curve.add(point(step))
        steps = [p.step for p in curve.points]
        assert steps == list(range(0, step + 1, curve.every)), "evenly spaced, whenever it is looked at"
        assert len(steps) < 8
    assert curve.every == 16


def test_a_reader_of_the_points_is_not_disturbed():
    curve = GrowingCurve(4)
    for step in range(3):
        curve.add(point(step))
    held = curve.points
    curve.add(point(3))
    assert [p.step for p in held[:3]] == [0, 1, 2]
    assert [p.step for p in curve.points] == [0, 2]
