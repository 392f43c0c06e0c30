#!/bin/sh
# A flow run's unit: it is on this machine from now on, and then it is nothing but the engine.
printf '%s' "$RUN_RECORD" >"$RUN_RECORDS/$PREFECT__FLOW_RUN_ID" || echo "It is not written down."

python=$PROJECT_DIR/.venv/bin/python
if [ ! -x "$python" ]; then
    gone="$(readlink "$python"), the Python of its release, is gone: play worker.yml again"
    printf '%s, "error": "%s"}' "${RUN_RECORD%\}}" "$gone" >"$RUN_RECORDS/$PREFECT__FLOW_RUN_ID"
    exit 1
fi

# It is beside this file.
# shellcheck source=/dev/null
. "${0%/*}/workspace.sh"
exec "$python" "${0%/*}/run_engine.py"
