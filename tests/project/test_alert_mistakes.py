"""What is wrong in `infrastructure/alerts.yaml` is said in one sentence, without a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.project.in_place import tool


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "alerts: {a: {when: broken, to: [b]}}",
            "alerts.a.when is 'broken': Input should be ",
        ),
        ("alerts: {a: {when: failed, to: [b]}}", "the alert a is sent to 'b', which is no channel"),
        ("alerts: {a: {when: failed, to: []}}", "alerts.a.to: "),
        ("alerts: {a: {when: failed, to: [b], minutes: 5}}", "failed is told at once"),
        ("alarms: {}", "alarms is not known there; docs/alerts.md"),
        ("channels: {A b: {url: x, body: {}}}", "channels.A b: "),
        ("channels: {b: {url: 'ftp://x', body: {}}}", "must begin with https://"),
        ("channels: {b: {url: '{{ $NOT_SET }}', body: {}}}", "NOT_SET is not set: the channel b"),
        ("channels: {b: {url: '{{ $WRONG }}', body: {}}}", "must begin with https://"),
        ("channels: {b: {url: 'http://x', body: {a: '{{run}}'}}}", "braces that name nothing"),
        ("[]", "holds no mapping"),
    ],
)
def test_a_mistake_is_named(
    text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "infrastructure").mkdir()
    (tmp_path / "infrastructure" / "alerts.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(tool("errors").ToolError) as refused:
        tool("alerting").channels(tool("alerts").read_alerts(), {"WRONG": "secret"})
    assert said in str(refused.value)
    assert "infrastructure/alerts.yaml" in str(refused.value)
    assert "secret" not in str(refused.value)
