"""Keys come from the environment; they are in no log, no block and no database."""

from __future__ import annotations

import json

from tests.results.lab.project import BUILD, Api, Project
from tests.results.lab.seaweed import WRITER


def block_document(api: Api, project: Project) -> str:
    """Return what the API says about the storage block, secrets included."""
    path = f"/block_types/slug/s3-bucket/block_documents/name/{project.slug}?include_secrets=true"
    return json.dumps(api.get(path))


def test_no_secret_is_kept_unless_it_is_asked_for(s3_project: Project, api: Api) -> None:
    secret = WRITER["secretKey"]
    assert secret not in block_document(api, s3_project)
    assert s3_project.bootstrap(RESULTS_STORE_CREDENTIALS="true").returncode == 0
    assert secret in block_document(api, s3_project)
    done = s3_project.bootstrap()
    assert secret not in done.stdout + done.stderr
    assert secret not in block_document(api, s3_project)


def test_no_secret_is_in_a_log_or_in_the_database(s3_project: Project) -> None:
    secret = WRITER["secretKey"].encode()
    places = [*BUILD.glob("*/logs/*.log"), *BUILD.glob("*/server/prefect.db*")]
    assert len(places) > 3
    for place in places:
        assert place.stat().st_size == 0 or secret not in place.read_bytes(), place
