"""The systems of machines: what Debian 13 has shown, `make test-long` asks of Debian 12."""

import pytest

SUITES = ["trixie", pytest.param("bookworm", marks=pytest.mark.long)]

on_each = pytest.mark.parametrize("host", SUITES, indirect=True, scope="module")
