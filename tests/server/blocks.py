"""Secret blocks, by the API."""

from __future__ import annotations

from tests.server.story import Site

SECRET = "what-only-the-block-knows"


def store(site: Site, name: str) -> None:
    """Store a secret block."""
    with site.member() as client:
        kind = client.get("/block_types/slug/secret").json()["id"]
        wish = {"block_schemas": {"block_type_id": {"any_": [kind]}}}
        schema = client.post("/block_schemas/filter", json=wish).json()[0]["id"]
        body = {
            "name": name,
            "data": {"value": SECRET},
            "block_type_id": kind,
            "block_schema_id": schema,
        }
        answer = client.post("/block_documents/", json=body)
        assert answer.is_success, answer.text


def read(site: Site, name: str) -> str:
    """Return the value of a secret block."""
    with site.member() as client:
        path = f"/block_types/slug/secret/block_documents/name/{name}"
        answer = client.get(path, params={"include_secrets": True})
    return str(answer.json()["data"]["value"])
