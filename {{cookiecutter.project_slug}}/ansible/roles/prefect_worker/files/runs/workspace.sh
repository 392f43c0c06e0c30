# shellcheck shell=sh
# Read where code of a release is executed: there is a folder to write in, with the project's folders,
# and links to its files. It is in the unit's own /var/tmp, which systemd removes; its name is always
# the same, as paths are in results' keys.
work=/var/tmp/run
mkdir -m 700 "$work" 2>/dev/null || work=$(mktemp -d /var/tmp/run.XXXXXX)
release=$PROJECT_DIR
if find "$release" -mindepth 1 -maxdepth 1 ! -name .venv ! -name .prefect_worker \
    -exec cp -rs -t "$work" {} + && ln -s "$release/.venv" "$work"; then
    export PROJECT_DIR="$work"
fi
# What packages and the project itself bring as programs is found by its name, as where an
# environment is activated.
export PATH="$PROJECT_DIR/.venv/bin:$release/.prefect_worker/bin:$PATH"
cd "${RUN_WORKING_DIR:-$PROJECT_DIR}" || exit
