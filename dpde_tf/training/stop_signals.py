"""SIGTERM and Ctrl-C as wishes that a training grants between two steps."""

import os
import signal
import threading
import types

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_STDERR = 2


class StoppedBySignalError(Exception):
    """A training was asked to stop, and has saved what it had."""

    def __init__(self, number: int, step: int) -> None:
        """Takes the signal and the finished steps of the run."""
        super().__init__(
            f"Stopped by {signal.Signals(number).name} after step {step}. The same "
            "command goes on from there."
        )
        # As shells have it.
        self.exit_code = 128 + number


class StopSignals:
    """Notes the first SIGTERM or SIGINT; the second one acts as always.

    Attributes:
        received: The signal, or None.
    """

    def __init__(self) -> None:
        """Notes nothing before it is entered."""
        self.received: int | None = None
        self._former = {}

    def __enter__(self) -> "StopSignals":
        """Begins to note signals; only the main thread can."""
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                self._former[number] = signal.signal(number, self._note)
        return self

    def take_back(self) -> None:
        """Notes signals again, if a library has set handlers of its own meanwhile.

        TensorFlow does, of SIGTERM, for a strategy of several processes.
        """
        for number in self._former:
            signal.signal(number, self._note)

    def __exit__(self, *exception: object) -> None:
        """Gives the signals back their effects."""
        while self._former:
            signal.signal(*self._former.popitem())

    def _note(self, number: int, frame: types.FrameType | None) -> None:
        """The handler."""
        del frame
        self.received = number
        self.__exit__()
        # Not `print`, which may be what was interrupted.
        name = signal.Signals(number).name
        os.write(_STDERR, f"\n{name}: stopping after this step.\n".encode())
