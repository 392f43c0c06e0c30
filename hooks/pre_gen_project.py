"""Refuse answers that would give a broken project, in one sentence on stderr."""

import json
import keyword
import re
import sys
import unicodedata

ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")

FREE_TEXT = ("project_name", "description", "author")
CHOICES = {
    "prefect_api": ("self-hosted", "cloud"),
    "result_storage": ("local", "s3", "azure", "gcs"),
    "work_pool_type": ("process", "docker", "kubernetes", "ecs"),
    "ci": ("github", "none"),
}
CLUSTERS = ("kubernetes", "ecs")
LONGEST = 64

# What the project installs, by distribution and by module name: a project of the same name
# would replace the one or hide the other.
DEPENDENCIES = """
    aiobotocore aiohappyeyeballs aiohttp aioitertools aiosignal aiosqlite alembic amplitude
    amplitude_analytics annotated_doc annotated_types anyio apiclient apprise asgi_lifespan
    ast_serialize async_timeout asyncpg attr attrs azure azure_common azure_core azure_identity
    azure_mgmt_containerinstance azure_mgmt_core azure_mgmt_resource azure_storage_blob beartype
    boto3 botocore burner_redis cachetools certifi cffi charset_normalizer click cloudpickle
    colorama coolname cronsim cryptography cyclopts dateparser dateparser_cli dateparser_data
    dateparser_scripts dateutil docker docket docstring_parser dotenv exceptiongroup fastapi
    frozenlist fsspec google google_api_core google_api_python_client google_auth
    google_auth_httplib2 google_cloud_core google_cloud_secret_manager google_cloud_storage
    google_crc32c google_resumable_media googleapiclient googleapis_common_protos graphviz greenlet
    griffe griffecli griffelib grpc grpc_google_iam_v1 grpc_status grpcio grpcio_status h11 h2
    hatchling hpack httpcore httplib2 httpx humanize hyperframe idna images iniconfig iso8601
    isodate jinja2 jinja2_humanize_extension jmespath jsonpatch jsonpatch_cli jsonpointer jsonschema
    jsonschema_specifications jwt key_value kopf kubernetes_asyncio librt mako markdown markdown_it
    markdown_it_py markupsafe mdurl msal msal_extensions multidict mypy mypy_extensions mypyc
    oauthlib opentelemetry opentelemetry_api orjson packaging pathspec pendulum pip pkg_resources
    pluggy prefect prefect_aws prefect_azure prefect_docker prefect_gcp prefect_kubernetes
    prometheus_client propcache proto proto_plus protobuf py py_key_value_aio pyasn1 pyasn1_modules
    pycparser pydantic pydantic_core pydantic_extra_types pydantic_settings pydocket pygments pyjwt
    pyopenssl pyparsing pytest python_dateutil python_dotenv python_json_logger python_on_whales
    python_slugify pythonjsonlogger pytz pywin32 pyyaml readchar redis referencing regex requests
    requests_oauthlib rfc3339_validator rich rich_rst rpds rpds_py ruamel ruamel_yaml
    ruamel_yaml_clib ruff s3transfer semver setuptools shellingham six slugify sniffio sqlalchemy
    starlette taskgroup tenacity text_unidecode toml tomli typer typing_extensions typing_inspection
    tzdata tzlocal uncalled_for uritemplate urllib3 uv uvicorn websockets whenever wrapt yaml yarl
"""
# Folders of the project that Python would take for the package.
FOLDERS = ("prefect_durable", "src", "tests", "tools")
# Modules that only some of the Python versions the project supports have.
OTHER_PYTHONS = """
    aifc annotationlib asynchat asyncore audioop binhex cgi cgitb chunk compression crypt distutils
    imghdr imp lib2to3 mailcap msilib nis nntplib ossaudiodev pipes smtpd sndhdr spwd sunau
    telnetlib tomllib uu xdrlib
"""
STANDARD_LIBRARY = sys.stdlib_module_names | set(OTHER_PYTHONS.split())


class RefusedError(Exception):
    """An answer breaks a rule, and this sentence says which."""


def refuse(question: str, rule: str) -> None:
    """Stop with the question, the answer to it and the rule that it breaks."""
    answer = str(ANSWERS[question])
    shown = answer if len(answer) <= LONGEST else answer[:LONGEST] + "…"
    raise RefusedError(f"{question} {shown!r} is refused: {rule}.")


def check_text(question: str, allowed: str = "") -> None:
    """Refuse nothing at all, and characters that no text file can hold."""
    answer = str(ANSWERS[question])
    if not answer.strip():
        refuse(question, "it must not be empty")
    for character in answer:
        unseen = unicodedata.category(character) in ("Cc", "Cs") and character not in allowed
        if unseen or ord(character) & 0xFFFE == 0xFFFE:
            refuse(question, f"it contains the control character U+{ord(character):04X}")


def check_length(question: str) -> None:
    """Refuse names that are too long for a file, a module or a label."""
    if len(str(ANSWERS[question])) > LONGEST:
        refuse(question, f"it must not be longer than {LONGEST} characters")


def check_slug() -> None:
    """Refuse what is no distribution name, or no package of its own."""
    slug = str(ANSWERS["project_slug"])
    package = slug.replace("-", "_")
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", slug):
        refuse(
            "project_slug",
            "it must be a distribution name, so lowercase letters and digits in words"
            " joined by single dashes, with a letter first",
        )
    for names, what in (
        (keyword.kwlist, "a Python keyword"),
        (STANDARD_LIBRARY, "a module of Python's standard library"),
        (DEPENDENCIES.split(), "a dependency of the project"),
        (FOLDERS, "a folder of the project"),
    ):
        if package in names:
            refuse("project_slug", f"its package {package!r} would be {what}; add a second word")


def check_work_pool() -> None:
    """Refuse what Prefect refuses, and what shells, units and templates would take for syntax."""
    name = str(ANSWERS["work_pool_name"])
    if not re.fullmatch(r"[^\W_]([\w .-]*[^\W_])?", name):
        refuse(
            "work_pool_name",
            "it must be letters, digits, spaces, dots, dashes and underscores,"
            " with a letter or digit at both ends",
        )
    if name.lower().startswith("prefect"):
        refuse("work_pool_name", "Prefect reserves names that begin with 'prefect'")


def check_choices() -> None:
    """Refuse choices that came from an old replay file."""
    for question, choices in CHOICES.items():
        if ANSWERS[question] not in choices:
            refuse(question, f"it must be one of {', '.join(choices)}")
    if ANSWERS["work_pool_type"] in CLUSTERS and ANSWERS["result_storage"] == "local":
        refuse(
            "result_storage",
            f"the runs of a pool of type {ANSWERS['work_pool_type']} share no folder,"
            " so it must be one of s3, azure, gcs",
        )


def check_answers() -> None:
    """Refuse the first answer that breaks a rule."""
    for question in FREE_TEXT:
        check_text(question, allowed="\t\n")
    for question in ("project_slug", "work_pool_name"):
        check_text(question)
        check_length(question)
    check_slug()
    check_work_pool()
    check_choices()


if __name__ == "__main__":
    try:
        check_answers()
    except RefusedError as error:
        sys.exit(str(error))
