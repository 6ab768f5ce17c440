"""Graceful shutdown on SIGTERM and SIGINT (Ctrl-C), between two training steps."""

import os
import signal
import threading
import types

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_STDERR = 2


class StoppedBySignalError(Exception):
    """Training was asked to stop, and has saved its state."""

    def __init__(self, number: int, step: int) -> None:
        """Takes the signal and the finished steps of the run."""
        super().__init__(
            f"Stopped by {signal.Signals(number).name} after step {step}. Run the same "
            "command again to continue from there."
        )
        # The convention of shells.
        self.exit_code = 128 + number


class StopSignals:
    """Records the first SIGTERM or SIGINT; the second one has its usual effect.

    Attributes:
        received: The received signal, or None.
    """

    def __init__(self) -> None:
        """Records no signals until the context is entered."""
        self.received: int | None = None
        self._former = {}

    def __enter__(self) -> "StopSignals":
        """Installs the handlers; only the main thread can."""
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                self._former[number] = signal.signal(number, self._note)
        return self

    def reinstall_handlers(self) -> None:
        """Reinstalls the handlers, in case a library has replaced them.

        TensorFlow replaces the handler of SIGTERM for a strategy of several processes.
        """
        for number in self._former:
            signal.signal(number, self._note)

    def __exit__(self, *exception: object) -> None:
        """Restores the previous handlers."""
        while self._former:
            signal.signal(*self._former.popitem())

    def _note(self, number: int, frame: types.FrameType | None) -> None:
        """The handler."""
        del frame
        self.received = number
        self.__exit__()
        # Not `print`, since the signal may have interrupted a call of it.
        name = signal.Signals(number).name
        os.write(_STDERR, f"\n{name}: stopping after this step.\n".encode())
