#!/bin/sh
# A flow run's unit: it is on this machine from now on, and then it is nothing but the engine.
printf '%s' "$RUN_RECORD" >"$RUN_RECORDS/$PREFECT__FLOW_RUN_ID" || echo "It is not written down."
cd "$PROJECT_DIR" && exec .venv/bin/python -m prefect.engine
