#!/bin/sh
# A flow run's unit: it is on this machine from now on, and then it is nothing but the engine.
printf '%s' "$RUN_RECORD" >"$RUN_RECORDS/$PREFECT__FLOW_RUN_ID" || echo "It is not written down."

python=$PROJECT_DIR/.venv/bin/python
if [ ! -x "$python" ]; then
    gone="$(readlink "$python"), the Python of its release, is gone: play worker.yml again"
    printf '%s, "error": "%s"}' "${RUN_RECORD%\}}" "$gone" >"$RUN_RECORDS/$PREFECT__FLOW_RUN_ID"
    exit 1
fi

# A folder to write in, with the project's folders, and links to its files. It is in the unit's own
# /var/tmp, which systemd removes; its name is always the same, as paths are in results' keys.
work=/var/tmp/run
mkdir -m 700 "$work" 2>/dev/null || work=$(mktemp -d /var/tmp/run.XXXXXX)
if cp -rs "$PROJECT_DIR"/* "$work" && ln -s "$PROJECT_DIR/.venv" "$work"; then
    export PROJECT_DIR="$work"
fi
# What packages bring as programs is found by its name, as where an environment is activated.
export PATH="$PROJECT_DIR/.venv/bin:$PATH"
cd "$PROJECT_DIR" && exec "$python" "${0%/*}/run_engine.py"
