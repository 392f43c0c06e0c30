"""What the worker would ask AWS for to start a run, in words that AWS knows."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from unittest.mock import patch

from botocore.session import get_session
from botocore.validate import ParamValidator
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_KEY, temporary_settings
from prefect_aws.workers import ECSWorker
from prefect_aws.workers.ecs_worker import ECSJobConfiguration

from .bootstrap import base_job_template
from .resolved import resolved, work_pool

KEY = "prefect_api_key_secret_arn"
OF_CLOUD = KEY in base_job_template()["variables"]["properties"]
SECRET = PREFECT_API_KEY if OF_CLOUD else PREFECT_API_AUTH_STRING
"""What the worker hands on to runs, by the name of a secret of AWS."""
EXAMPLE = {
    "image": "registry.example.com/flows:1",
    "execution_role_arn": "arn:aws:iam::123456789012:role/execution",
    KEY if OF_CLOUD else "prefect_api_auth_string_secret_arn": (
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prefect"
    ),
}
"""Job variables with which a run can be started."""
WORKER = Path("infrastructure/worker-task-definition.json")
ARN = "arn:aws:ecs:eu-west-1:123456789012"
VPCS = "<r><vpcSet><item><vpcId>vpc-1</vpcId></item></vpcSet></r>"
SUBNETS = "<r><subnetSet><item><subnetId>subnet-1</subnetId></item></subnetSet></r>"
Asked = dict[str, dict[str, Any]]


def asked_for(variables: dict[str, Any]) -> Asked:
    """Return what AWS is asked for when a run is started; raise if AWS does not know a word."""
    secret = temporary_settings(updates={SECRET: "the-secret"})
    with work_pool() as project, _stand_in() as asked, secret:
        asyncio.run(_start(project.pool, variables))
    return asked


def unknown_to_aws() -> str:
    """Return what AWS does not know in the worker's own task definition, or nothing."""
    definition = json.loads(WORKER.read_text(encoding="utf-8"))
    model = get_session().get_service_model("ecs").operation_model("RegisterTaskDefinition")
    report: str = ParamValidator().validate(definition, model.input_shape).generate_report()
    return report


async def _start(pool: str, variables: dict[str, Any]) -> None:
    run, configuration = await resolved(ECSJobConfiguration, pool, variables)
    await ECSWorker(pool).run(run, configuration)


@contextmanager
def _stand_in() -> Iterator[Asked]:
    """Stand in for AWS, and return what it is asked for."""
    _Handler.asked = {}
    environment = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{_port()}",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "key",
        "NO_PROXY": "127.0.0.1",
    }
    with patch.dict(os.environ, environment):
        yield _Handler.asked


@cache
def _port() -> int:
    """Start the stand-in, once for this process: prefect-aws keeps its clients."""
    server = HTTPServer(("127.0.0.1", 0), _Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


class _Handler(BaseHTTPRequestHandler):
    """Takes down what AWS is asked for, and answers as briefly as the worker can bear."""

    asked: Asked

    def do_POST(self) -> None:
        """Answer ECS in JSON and EC2 in XML."""
        content = self.rfile.read(int(self.headers["Content-Length"]))
        operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        if operation:
            self.asked[operation] = json.loads(content)
            self._answer(json.dumps(self._said()))
        else:
            self._answer(VPCS if b"Action=DescribeVpcs" in content else SUBNETS)

    def _said(self) -> dict[str, Any]:
        definition = {**self.asked.get("RegisterTaskDefinition", {}), "taskDefinitionArn": ARN}
        task = {"taskArn": f"{ARN}:task/1", "clusterArn": f"{ARN}:cluster/1"}
        return {"taskDefinition": definition, "tasks": [task], "failures": []}

    def _answer(self, content: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content.encode())

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Say nothing."""
