"""Stopping at a moment of the program's choice when the user presses Ctrl-C."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Self


class GracefulInterrupt:
    """Within this context the first Ctrl-C is only noted, to be acted on between two steps; a second one acts at once.

    Attributes:
        requested: Whether Ctrl-C was pressed.
    """

    def __init__(self) -> None:
        self.requested = False

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._previous)

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 (the form signal calls)
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
