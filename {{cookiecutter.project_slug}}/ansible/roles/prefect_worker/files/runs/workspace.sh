# shellcheck shell=sh
# Read where code of a release is executed: there is a folder to write in, with the project's folders,
# and links to its files. It is in the unit's own /var/tmp, which systemd removes; its name is always
# the same, as paths are in results' keys.
work=/var/tmp/run
mkdir -m 700 "$work" 2>/dev/null || work=$(mktemp -d /var/tmp/run.XXXXXX)
if cp -rs "$PROJECT_DIR"/* "$work" && ln -s "$PROJECT_DIR/.venv" "$work"; then
    export PROJECT_DIR="$work"
fi
# What packages bring as programs is found by its name, as where an environment is activated.
export PATH="$PROJECT_DIR/.venv/bin:$PATH"
cd "$PROJECT_DIR" || exit
