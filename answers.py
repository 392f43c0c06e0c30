"""Check answers while they are given, and quote them for the files that they go into."""

import json
import keyword
import re
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path

from jinja2 import Environment
from jinja2.ext import Extension

TEMPLATE = Path(__file__).parent
QUESTIONS = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
CHOICES = {name: value for name, value in QUESTIONS.items() if isinstance(value, list)}
FREE_TEXT = ("project_name", "description", "author")
CLUSTERS = ("kubernetes", "ecs")
LONGEST = 64

# What projects install, by distribution and by module name: a project of the same name would
# replace the one or hide the other.
DEPENDENCIES = (TEMPLATE / "templates" / "taken_names.txt").read_text(encoding="utf-8").split()
# Folders of the project that Python would take for the package.
FOLDERS = ("prefect_durable", "src", "tests", "tools")
# Modules that only some of the Python versions that projects support have.
OTHER_PYTHONS = """
    aifc annotationlib asynchat asyncore audioop binhex cgi cgitb chunk compression crypt distutils
    imghdr imp lib2to3 mailcap msilib nis nntplib ossaudiodev pipes smtpd sndhdr spwd sunau
    telnetlib tomllib uu xdrlib
"""
STANDARD_LIBRARY = sys.stdlib_module_names | set(OTHER_PYTHONS.split())

IN_TOML = {"\\": r"\\", '"': r"\"", "\t": r"\t", "\n": r"\n", "\u2028": r"\u2028"}
IN_TOML["\u2029"] = r"\u2029"
IN_MARKDOWN = {character: f"\\{character}" for character in "\\`*_[]<>#|~&$"}
IN_MARKDOWN |= {character: f"&#{ord(character)};" for character in "\t\n\u2028\u2029"}

Answers = Mapping[str, object]


class AnswersExtension(Extension):
    """The filters that cookiecutter.json, the hooks and the template's files use."""

    def __init__(self, environment: Environment) -> None:
        """Add the filters, and have this file read again for the next environment."""
        super().__init__(environment)
        environment.filters.update(
            checked=checked, in_markdown=in_markdown, in_toml=in_toml, refusals=refusals
        )
        # `cruft update` generates from two commits of the template in one process.
        sys.modules.pop(__name__, None)


def checked(answers: Answers, question: str) -> str:
    """Return nothing, or end the program with one sentence if the answer is refused."""
    # A replay file older than the question has no answer; the hook checks what it has.
    for rule in _broken_rules(answers, question) if question in answers else ():
        # Not an exception of click's, of which cruft would print a traceback.
        sys.exit(_sentence(answers, question, rule))
    return ""


def refusals(answers: Answers) -> list[str]:
    """Return a sentence for each rule that an answer breaks."""
    return [
        _sentence(answers, question, rule)
        for question in QUESTIONS
        if not question.startswith("_")
        for rule in _broken_rules(answers, question)
    ]


def in_toml(text: str) -> str:
    """Return text as a basic string of TOML, which is one of YAML and Python, too."""
    # `tojson` writes characters beyond the basic plane as surrogates, which TOML refuses.
    return '"' + "".join(IN_TOML.get(character, character) for character in text) + '"'


def in_markdown(text: str) -> str:
    """Return text as one paragraph of Markdown that shows it as it is."""
    shown = [IN_MARKDOWN.get(character, character) for character in text]
    for edge in (0, -1):
        if shown and shown[edge] == " ":
            shown[edge] = "&#32;"
    return "".join(shown)


def _sentence(answers: Answers, question: str, rule: str) -> str:
    answer = str(answers[question])
    shown = answer if len(answer) <= LONGEST else answer[:LONGEST] + "…"
    return f"{question} {shown!r} is refused: {rule}."


def _broken_rules(answers: Answers, question: str) -> Iterator[str]:
    answer = str(answers[question])
    if question in CHOICES:
        return _of_a_choice(answers, question, answer)
    if question in FREE_TEXT:
        return _of_text(answer, allowed="\t\n")
    return _of_a_name(question, answer)


def _of_a_choice(answers: Answers, question: str, answer: str) -> Iterator[str]:
    if answer not in CHOICES[question]:
        yield f"it must be one of {', '.join(CHOICES[question])}"
    pool = answers.get("work_pool_type")
    if question == "result_storage" and answer == "local" and pool in CLUSTERS:
        yield (
            f"the runs of a pool of type {pool} share no folder, so it must be one of s3, azure,"
            " gcs"
        )


def _of_text(answer: str, allowed: str = "") -> Iterator[str]:
    if not answer.strip():
        yield "it must not be empty"
    for character in answer:
        unseen = unicodedata.category(character) in ("Cc", "Cs") and character not in allowed
        if unseen or ord(character) & 0xFFFE == 0xFFFE:
            yield f"it contains the control character U+{ord(character):04X}"


def _of_a_name(question: str, answer: str) -> Iterator[str]:
    yield from _of_text(answer)
    if len(answer) > LONGEST:
        yield f"it must not be longer than {LONGEST} characters"
    yield from _of_a_slug(answer) if question == "project_slug" else _of_a_pool(answer)


def _of_a_slug(slug: str) -> Iterator[str]:
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", slug):
        yield (
            "it must be a distribution name, so lowercase letters and digits in words joined by"
            " single dashes, with a letter first"
        )
    package = slug.replace("-", "_")
    for names, what in (
        (keyword.kwlist, "a Python keyword"),
        (STANDARD_LIBRARY, "a module of Python's standard library"),
        (DEPENDENCIES, "a dependency of the project"),
        (FOLDERS, "a folder of the project"),
    ):
        if package in names:
            yield f"its package {package!r} would be {what}; add a second word"


def _of_a_pool(name: str) -> Iterator[str]:
    # What Prefect refuses, and what shells, units and templates would take for syntax.
    if not re.fullmatch(r"[^\W_]([\w .-]*[^\W_])?", name):
        yield (
            "it must be letters, digits, spaces, dots, dashes and underscores, with a letter or"
            " digit at both ends"
        )
    if name.lower().startswith("prefect"):
        yield "Prefect reserves names that begin with 'prefect'"
