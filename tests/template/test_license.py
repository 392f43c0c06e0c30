"""A project has the license that was chosen, whole and in its owner's name."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.template.conftest import Bake

LICENSES = {
    "MIT": ("MIT License\n", "Copyright (c) Ann and Bob\n", "OTHER DEALINGS IN THE\nSOFTWARE.\n"),
    "Apache-2.0": (
        "Apache License\n",
        "END OF TERMS AND CONDITIONS\n\n   Copyright Ann and Bob\n",
        "9. Accepting Warranty or Additional Liability.",
    ),
}


@pytest.mark.parametrize("name", LICENSES)
def test_it_is_whole_and_names_the_author(bake: Bake, name: str) -> None:
    project = bake(license=name, author="Ann and Bob")
    text = (project / "LICENSE").read_text("utf-8")
    assert not [part for part in LICENSES[name] if part not in text]
    # Nothing that an owner would have to fill in.
    assert not re.search(r"\[[a-z ]+\]|<[a-z ]+>|\b(19|20)\d\d\b", text.replace("January 2004", ""))
    declared = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]
    assert (declared["license"], declared["license-files"]) == (name, ["LICENSE"])


def test_a_project_without_a_license_declares_none(bake: Bake) -> None:
    project = bake()
    declared = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]
    assert not declared.keys() & {"license", "license-files"}
    assert not (project / "LICENSE").exists()
