"""What the role's modules say of failures, and what to do about them."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

# As uv 0.13 prints it.
UNTRUSTED = """error: Failed to fetch: https://index.example.com/simple/six/
  cause: client error (Connect)
  cause: invalid peer certificate: UnknownIssuer

hint: Consider enabling use of system TLS certificates with the `--system-certs` command-line flag
"""
WHAT_TO_DO = "name the file with its authority in prefect_worker_ca_bundle"


def failure_of(module_utils: Any, printed: str) -> str:
    """Return the sentence of a release whose packages uv could not install."""
    venv = module_utils("venv")
    done = subprocess.CompletedProcess(["uv"], 2, stdout=printed)
    with pytest.raises(venv.NoReleaseError) as said:
        venv.require(done, "uv fails")
    return str(said.value)


def test_an_index_that_is_not_trusted_names_the_variable_to_set(module_utils: Any) -> None:
    said = failure_of(module_utils, UNTRUSTED)
    assert "UnknownIssuer" in said
    assert WHAT_TO_DO in said.splitlines()[-1]
    assert "system-certs" not in said


def test_another_failure_of_uv_names_no_authority(module_utils: Any) -> None:
    assert WHAT_TO_DO not in failure_of(module_utils, "error: No space left on device")
    assert failure_of(module_utils, "").endswith("It printed nothing.")


@pytest.mark.parametrize(
    ("url", "is_told"),
    [
        ("http://127.0.0.1:9/api", True),
        ("http://localhost:9/api", True),
        ("http://[::1]:9/api", True),
        ("http://0.0.0.0:9/api", False),
    ],
)
def test_a_loopback_address_is_said_to_be_the_machine_itself(
    module_utils: Any, url: str, is_told: bool
) -> None:
    api = module_utils("api")
    nobody = api.Api({"api_url": url, "api_key": "", "auth_string": "", "ca": "", "proxies": {}}, 0)
    with pytest.raises(api.ApiError, match="does not reach the API") as said:
        nobody.get("/health")
    told = " is the machine itself: set PREFECT_API_URL to an address that it reaches."
    assert str(said.value).endswith(told) == is_told
