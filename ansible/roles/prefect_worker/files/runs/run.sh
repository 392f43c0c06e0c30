#!/bin/sh
# A flow run's unit: it is on this machine from now on, and then it is nothing but the engine.
printf '%s' "$RUN_RECORD" >"$RUN_RECORDS/$PREFECT__FLOW_RUN_ID" || echo "It is not written down."

python=$PROJECT_DIR/.venv/bin/python
if [ ! -x "$python" ]; then
    gone="$(readlink "$python"), the Python of its release, is gone: play worker.yml again"
    printf '%s, "error": "%s"}' "${RUN_RECORD%\}}" "$gone" >"$RUN_RECORDS/$PREFECT__FLOW_RUN_ID"
    exit 1
fi

# A folder to write in, with links to the project's files. It is in the unit's own /var/tmp, which
# systemd removes; its name is always the same, as paths are in the keys that results have.
work=/var/tmp/run
mkdir -m 700 "$work" 2>/dev/null || work=$(mktemp -d /var/tmp/run.XXXXXX)
if ln -s "$PROJECT_DIR"/* "$PROJECT_DIR/.venv" "$work"; then
    export PROJECT_DIR="$work"
fi
cd "$PROJECT_DIR" && exec "$python" "${0%/*}/run_engine.py"
