"""A study that another process may run: whether one does, what it does there, and what it is asked to do."""

from __future__ import annotations

from typing import Self

from ..events import Event, State
from ..storage.study_lock import StudyLock, is_held
from .following import Follower, FollowingThread
from .requests import Action, request
from .status import StudyStatus
from .view import StudyView


class FollowedStudy(StudyView):
    """A study whose status is up to date also while another process runs it; `BackgroundStudy` adds how this one runs it."""

    def _prepare_following(self) -> None:
        self._lock = StudyLock(self.folder)
        self._follower = Follower(self._status, self._publish, lambda: self.locked)
        self._following: FollowingThread | None = None

    def _publish(self, event: Event) -> None:
        raise NotImplementedError

    @property
    def status(self) -> StudyStatus:
        """State, message, experiments, the run in progress, the confirmed result, how much is left.

        While another process runs the study, or has run it since, it is brought up to date with the journal first.
        """
        self._follower.look()
        return self._status

    @property
    def locked(self) -> bool:
        """Whether this or another process is working on the study.

        False for a study that has not begun.
        """
        return self._lock.is_locked or is_held(self.folder)

    @property
    def following(self) -> bool:
        """Whether a thread watches what another process does to the study."""
        return self._following is not None and self._following.is_alive()

    def refresh(self) -> Self:
        """Bring the status up to date at this moment; when it is only asked for, it may be a quarter of a second old."""
        self._follower.look(now=True)
        return self

    def follow(self) -> Self:
        """Watch in a background thread what another process does to the study, so that observers receive its events.

        `status`, `state`, `experiments` and `history` need no such thread: they are brought up to date when they are asked for. The
        watching goes on when the study is stopped or finished, as another process may go on with it. It ends with `unfollow`, and
        when this process starts or resumes the study.
        """
        if not self.active and not self.following:
            self._following = FollowingThread(self.name, self._follower)
            self._following.start()
        return self

    def unfollow(self) -> Self:
        """End what `follow` has begun."""
        if self._following is not None:
            self._following.end()
            self._following = None
        return self

    def _asks_elsewhere(self, action: Action, number: int | None = None) -> bool:
        """Where another process runs the study, ask it to do something, with an experiment; return whether there is such a process."""
        if self.status.state is not State.ELSEWHERE:
            return False
        request(self.folder, action, lambda: self.locked, number=number)
        self.refresh()
        return True
