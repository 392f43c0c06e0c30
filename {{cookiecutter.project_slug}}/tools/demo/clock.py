"""What is going on, and where the time went."""

import time


class Clock:
    """The time since the demo began."""

    def __init__(self) -> None:
        """Start at zero."""
        self._began = self._lap = time.monotonic()
        self._spent: list[str] = []

    def say(self, text: str) -> None:
        """Print a line of progress."""
        print(f"{time.monotonic() - self._began:6.1f} s  {text}", flush=True)

    def done(self, name: str) -> None:
        """Note what the time since the last note was spent on."""
        now = time.monotonic()
        self._spent.append(f"{name} {now - self._lap:.1f} s")
        self._lap = now

    def __str__(self) -> str:
        """Return where the time went."""
        return f"{', '.join(self._spent)}; {self._lap - self._began:.1f} s in all"
