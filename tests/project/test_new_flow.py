"""`make flow` adds a flow, or changes nothing and says why."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.project.in_place import tool

FLOWS = Path("src/shop_reports/flows")
DEPLOYMENTS = """definitions:
  work_pool: &work_pool {name: shop}
deployments:
  - name: first
    entrypoint: shop_reports.flows.first.first
    work_pool: *work_pool
"""
PULL = """pull:
  - prefect.deployments.steps.set_working_directory:
      directory: /srv
"""
UNFIT = {
    "a list that is not indented": DEPLOYMENTS.replace("  - name", "- name").replace("    ", "  "),
    "another key after it": DEPLOYMENTS + PULL,
    "no list": "definitions:\n  work_pool: &work_pool {name: shop}\ndeployments: none\n",
    "an end of the document": DEPLOYMENTS + "...\n",
    "no anchor": DEPLOYMENTS.replace("&work_pool ", "").replace("*work_pool", "{name: shop}"),
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project that has what the tool looks at, as the current folder."""
    (tmp_path / FLOWS).mkdir(parents=True)
    (tmp_path / "tests").mkdir()
    (tmp_path / "inventory").mkdir()
    (tmp_path / "prefect.yaml").write_text(DEPLOYMENTS)
    (tmp_path / "prefect.yaml").chmod(0o640)
    monkeypatch.chdir(tmp_path)
    # As `python -m` has it.
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def files(project: Path) -> dict[Path, str]:
    return {path: path.read_text() for path in project.rglob("*") if path.is_file()}


def refusal(name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the sentence with which a name is refused, and make sure that nothing changed."""
    monkeypatch.setenv("NAME", name)
    before = files(Path.cwd())
    assert tool("errors").ended(tool("new_flow").main) == 1
    assert files(Path.cwd()) == before
    return capsys.readouterr().err


@pytest.mark.parametrize("text", [DEPLOYMENTS, DEPLOYMENTS.partition("  - name")[0]])
@pytest.mark.parametrize("name", ["daily_report", "inventory", "calendar", "shop_reports"])
def test_a_flow_becomes_the_last_deployment(project: Path, text: str, name: str) -> None:
    (project / "prefect.yaml").write_text(text)
    before = yaml.safe_load(text)["deployments"] or []
    tool("new_flow").add(name)
    after = yaml.safe_load((project / "prefect.yaml").read_text())["deployments"]
    entrypoint = f"shop_reports.flows.{name}.{name}"
    added = {"name": name, "entrypoint": entrypoint, "work_pool": {"name": "shop"}}
    assert after == [*before, added]
    assert (project / "prefect.yaml").stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in project.iterdir()) == [
        "inventory",
        "prefect.yaml",
        "src",
        "tests",
    ]


@pytest.mark.parametrize("text", UNFIT.values(), ids=UNFIT)
@pytest.mark.usefixtures("project")
def test_a_file_that_does_not_end_with_deployments_is_left_as_it_is(
    text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("prefect.yaml").write_text(text)
    said = refusal("daily", capsys, monkeypatch)
    assert said == (
        "prefect.yaml does not end with its list of deployments: add 'daily' by hand.\n"
    )


USED = ["settle", "fetch", "flow", "task", "len"]


@pytest.mark.parametrize("name", ["test_daily", *USED, "first"])
@pytest.mark.usefixtures("project")
def test_a_name_that_would_break_flows_is_refused(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = refusal(name, capsys, monkeypatch)
    assert said.startswith(f"NAME is {name!r}")
    assert said.count("\n") == 1


def test_a_flow_whose_test_cannot_be_written_leaves_nothing(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "tests").rmdir()
    said = refusal("daily", capsys, monkeypatch)
    assert said.startswith("The flow cannot be written, and nothing is added: ")


def test_a_flow_whose_entry_cannot_be_written_leaves_nothing(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "prefect.yaml.new").write_text("the draft of another")
    assert "prefect.yaml.new" in refusal("daily", capsys, monkeypatch)
