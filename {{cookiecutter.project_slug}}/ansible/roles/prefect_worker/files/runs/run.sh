#!/bin/sh
# A flow run's unit: it is on this machine from now on, and then it is nothing but the engine.
printf '%s' "$RUN_RECORD" >"$RUN_RECORDS/$PREFECT__FLOW_RUN_ID" || echo "It is not written down."

give_up() {
    echo "$1" >&2
    printf '%s, "error": "%s"}' "${RUN_RECORD%\}}" "$1" >"$RUN_RECORDS/$PREFECT__FLOW_RUN_ID"
    exit 1
}

python=$PROJECT_DIR/.venv/bin/python
[ -x "$python" ] ||
    give_up "$(readlink "$python"), the Python of its release, is gone: play worker.yml again"
# Beside this file.
trouble=
# shellcheck source=/dev/null
. "${0%/*}/workspace.sh" || give_up "$trouble"
exec "$python" "${0%/*}/run_engine.py"
