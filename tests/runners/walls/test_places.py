"""Marks on paths, and the rules that only allow which are made of them."""

from autoresearch_magic.runners.walls.places import Access, Tree


def test_the_nearest_mark_above_decides(tmp_path):
    project = tmp_path / "home" / "project"
    (project / ".git").mkdir(parents=True)
    (project / "data").mkdir()
    tree = Tree()
    tree.mark([str(tmp_path / "home")], Access.NONE)
    tree.mark([str(project)], Access.READ)
    tree.mark([str(project / ".git")], Access.NONE)
    tree.mark([str(project / "data" / "out")], Access.WRITE)
    assert tree.access("/usr") is Access.READ
    assert tree.access(str(tmp_path / "home" / "other")) is Access.NONE
    assert tree.access(str(project / "a" / "b")) is Access.READ
    assert tree.access(str(project / ".git" / "config")) is Access.NONE
    assert tree.access(str(project / "data" / "out" / "x")) is Access.WRITE


def test_of_two_marks_on_a_path_the_smaller_wins_unless_one_is_certain():
    tree = Tree()
    tree.mark(["/etc"], Access.NONE)
    tree.mark(["/etc"], Access.WRITE)
    assert tree.access("/etc") is Access.NONE
    tree.mark(["/etc"], Access.WRITE, certain=True)
    assert tree.access("/etc/passwd") is Access.WRITE


def test_a_folder_with_something_closed_in_it_is_allowed_entry_by_entry(tmp_path):
    for name in (".git", "data", "code"):
        (tmp_path / name).mkdir()
    (tmp_path / "notes.txt").touch()
    (tmp_path / "link").symlink_to("/root")
    tree = Tree(Access.NONE)
    tree.mark([str(tmp_path)], Access.READ)
    tree.mark([str(tmp_path / ".git")], Access.NONE)
    tree.mark([str(tmp_path / "data" / "out")], Access.WRITE)
    allowed = tree.allowed()
    assert sorted(allowed.read) == sorted(str(tmp_path / name) for name in ("data", "code", "notes.txt"))
    assert allowed.write == [str(tmp_path / "data" / "out")]
    assert allowed.listed == [str(tmp_path)]


def test_nothing_is_listed_where_nothing_is_closed(tmp_path):
    tree = Tree(Access.NONE)
    tree.mark([str(tmp_path)], Access.READ)
    assert tree.allowed().read == [str(tmp_path)]
    assert tree.allowed().listed == []
