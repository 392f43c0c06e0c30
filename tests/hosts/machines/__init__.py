"""Throw-away Debian machines with a real systemd, reached over real SSH."""
