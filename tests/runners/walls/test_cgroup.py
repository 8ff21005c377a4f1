"""Control groups, in a folder tree that behaves as the kernel documents it: this machine has no controllers."""

import os

import pytest

from autoresearch_magic.runners.walls import cgroup


@pytest.fixture
def tree(tmp_path):
    """A tree as systemd makes it for a user: controllers are switched on in the user's service, which the user may write to."""
    session = tmp_path / "user.slice" / "user@1.service" / "app.slice" / "kernel.scope"
    session.mkdir(parents=True)
    for folder in (tmp_path, *session.parents, session):
        if folder == tmp_path or tmp_path in folder.parents:
            (folder / "cgroup.subtree_control").write_text("cpu memory pids\n" if folder != session else "\n")
            (folder / "cgroup.procs").write_text("")
    return tmp_path, session


def test_the_nearest_group_with_controllers_that_may_be_written_to_is_the_place(tree):
    top, session = tree
    assert cgroup.find_place(top, session) == (session.parent, "")


def test_without_controllers_or_a_tree_the_reason_is_told(tree):
    top, session = tree
    for folder in (session, *session.parents):
        if (folder / "cgroup.subtree_control").exists():
            (folder / "cgroup.subtree_control").write_text("cpu\n")
    place, why = cgroup.find_place(top, session)
    assert place is None
    assert "not switched on" in why
    assert cgroup.find_place(None) == (None, "no cgroup v2 is mounted")


def test_the_mounted_tree_and_the_own_group_are_read_from_proc(tmp_path):
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n41 31 0:38 / /sys/fs/cgroup/unified rw,nosuid shared:9 - cgroup2 cgroup2 rw\n"
    )
    groups = tmp_path / "cgroup"
    groups.write_text("3:memory:/old\n0::/user.slice/kernel.scope\n")
    top = cgroup.mounted(str(mounts))
    assert str(top) == "/sys/fs/cgroup/unified"
    assert str(cgroup.own_group(top, str(groups))) == "/sys/fs/cgroup/unified/user.slice/kernel.scope"
    mounts.write_text("31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n")
    assert cgroup.mounted(str(mounts)) is None


def test_a_group_limits_takes_in_its_process_and_is_killed(tree, monkeypatch):
    _, session = tree
    group = cgroup.Group(session.parent, "run-1", 1 << 30)
    files = {path.name: path.read_text() for path in group.folder.iterdir()}
    assert files == {"pids.max": "4096", "memory.max": "1073741824", "memory.oom.group": "1", "memory.swap.max": "0"}
    group.enter()
    assert (group.folder / "cgroup.procs").read_text() == "0", "the kernel takes 0 for who writes it"
    assert not group.out_of_memory()
    (group.folder / "memory.events").write_text("low 0\nmax 12\noom 1\noom_kill 3\n")
    assert group.out_of_memory()
    monkeypatch.setattr(cgroup, "WAIT", 0.0)
    group.close()
    assert (group.folder / "cgroup.kill").read_text() == "1"
    for path in group.folder.iterdir():  # which the kernel's own files do not ask for
        path.unlink()
    monkeypatch.setattr(group, "_set", lambda name, value: None)
    group.close()
    assert not os.path.exists(group.folder)
