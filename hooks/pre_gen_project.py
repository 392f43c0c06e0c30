"""Refuse answers of a replay file that break a rule: nobody was asked for them."""

import json
import sys

REFUSALS = json.loads(r"""{{ cookiecutter | refusals | tojson }}""")

if REFUSALS:
    sys.exit(REFUSALS[0])
