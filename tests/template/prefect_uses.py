"""What our code uses of Prefect beyond what Prefect promises."""

from __future__ import annotations

PROJECT = "{{cookiecutter.project_slug}}"
ROLE = f"{PROJECT}/ansible/roles/prefect_worker"
TOOLS = f"{PROJECT}/tools"
DURABLE = f"{PROJECT}/src/prefect_durable"

# Each private attribute of an object of Prefect's that our code uses, and whose it is.
PRIVATE = {
    "_aexists": "prefect.results.ResultStore",
    "_user_cache_policy": "prefect.tasks.Task",
    "_block_document_name": "prefect.blocks.core.Block",
    "_exists": "prefect.results.ResultStore",
    "_resolved_key_path": "prefect.results.ResultStore",
}
# The same in the packages for one result storage, which are not installed here.
PRIVATE_IN_FILES = {"_resolve_path": ("prefect-aws", "prefect_aws/s3.py")}
# What the start of an engine or a worker on a machine replaces or reads, and whose it is.
REPLACED = [
    ("prefect.client.base.PrefectHttpxAsyncClient", "send"),
    ("prefect.client.base.PrefectHttpxSyncClient", "send"),
    ("prefect.states", "format_exception"),
    ("prefect.runner.storage", "run_process"),
    *(
        ("prefect.runner.storage.GitRepository", name)
        for name in ("pull_code", "_git_config", "_repository_url_with_credentials", "_url")
    ),
    # Where `tools/stand_in.py` has it replaced, if it is imported from prefect.flows only then.
    ("prefect.cli.deploy._core", "load_flow_from_entrypoint"),
    *(
        (f"prefect.events.clients.{client}", name)
        for client in ("PrefectEventsClient", "PrefectEventSubscriber")
        for name in ("_reconnect", "_auth_token", "_connect", "_api_url")
    ),
    ("prefect.events.clients.PrefectEventSubscriber", "_api_key"),
    ("uvicorn.Config", "__init__"),
    ("uvicorn.protocols.http.h11_impl.H11Protocol", "connection_made"),
    *(
        ("prefect.workers.base.BaseWorker", name)
        for name in ("_submit_scheduled_flow_runs", "_limit", "_limiter")
    ),
]
# What is public by its name, but in no documentation.
UNDOCUMENTED = [
    "prefect.client.schemas.objects.TaskRun.task_inputs",
    "prefect.client.schemas.objects.TaskRun.task_key",
    "prefect.context.FlowRunContext.detached",
    "prefect.context.FlowRunContext.result_store",
    "prefect.context.TaskRunContext.task_run",
    "prefect.flows.safe_load_flow_from_entrypoint",
    "prefect.results.ResultRecord.mark_persisted",
    "prefect.results.ResultStore.cache",
    "prefect.results.ResultStore.cache_result_in_memory",
    "prefect.results.ResultStore.create_result_record",
    "prefect.results.ResultStore.metadata_storage",
    "prefect.results.ResultStore.persist_result_record",
    "prefect.results.ResultStore.result_storage_block_id",
    "prefect.tasks.Task.on_commit_hooks",
    "prefect.tasks.Task.on_rollback_hooks",
    "prefect.transactions.BaseTransaction.get_parent",
    "prefect.transactions.BaseTransaction.commit_mode",
    "prefect.transactions.BaseTransaction.write_on_commit",
]
ARGUMENTS = {
    "prefect.cache_policies.CachePolicy.compute_key": ("task_ctx", "inputs", "flow_parameters"),
    "prefect.flow_engine.run_flow": ("flow", "flow_run", "parameters", "return_type"),
    "prefect.flows.load_flow_from_entrypoint": ("entrypoint", "use_placeholder_flow"),
    "prefect.results.ResultRecord.deserialize": ("data", "backup_serializer"),
    "prefect.utilities.callables.parameter_schema": ("fn",),
    "prefect.utilities.schema_tools.validate": (
        "obj",
        "schema",
        "raise_on_error",
        "ignore_required",
    ),
    "prefect.utilities.callables.get_call_parameters": ("fn", "call_args", "call_kwargs"),
}
# Words of Prefect's: in which of its files, and below which folder of ours we take them.
TEXTS = [
    ("states.py", "Execution was aborted by a termination signal", ROLE),
    (
        "workers/base.py",
        "Failed to submit flow run to infrastructure: ",
        ROLE,
    ),
    ("workers/base.py", "prefect.worker.name", ROLE),
    ("workers/base.py", "flow-run-id", ROLE),
    ("workers/base.py", "work-pool", TOOLS),
    (
        "runner/_cancellation_manager.py",
        "Flow run was cancelled successfully.",
        ROLE,
    ),
    ("engine.py", "PREFECT__FLOW_RUN_ID", ROLE),
    ("engine.py", "PREFECT__FLOW_RUN_ID", DURABLE),
    ("flow_engine.py", "prefect.flow-run.heartbeat", TOOLS),
    ("events/related.py", "prefect.resource.role", TOOLS),
    ("events/clients.py", "Unable to authenticate", ROLE),
    ("logging/loggers.py", "prefect.flow_runs", ROLE),
    ("filesystems.py", "does not exist", DURABLE),
    ("states.py", "AwaitingRetry", ROLE),
    ("task_engine.py", "Cached", TOOLS),
    ("task_engine.py", "__parents__", DURABLE),
    ("utilities/callables/__init__.py", "__prefect_self__", DURABLE),
    ("utilities/importtools.py", "__prefect_loader_", DURABLE),
    ("server/api/server.py", "/health", ROLE),
    ("workers/server.py", "/health", ROLE),
]
MODULES_RUN = {
    "prefect.engine": f"{ROLE}/files/runs/run_engine.py",
    "prefect": f"{ROLE}/files/limited_worker.py",
}
NO_SETTINGS = {
    # Read from the environment by the server's own code, and by prefect-redis.
    "PREFECT_SERVER_ENCRYPTION_KEY",
    "PREFECT_REDIS_MESSAGING_CONSUMER_TRIM_IDLE_THRESHOLD",
    "PREFECT_REDIS_MESSAGING_URL",
    "PREFECT_REDIS_WORKER_CLEANUP_QUEUE_URL",
    "PREFECT_INTEGRATIONS_AWS_ECS_OBSERVER_SQS_QUEUE_NAME",  # of another package
    "PREFECT_TASKS_DEFAULT_STORAGE_BLOCK",  # the README says that Prefect ignores it
    "PREFECT_YAML",  # a variable of a test
}
