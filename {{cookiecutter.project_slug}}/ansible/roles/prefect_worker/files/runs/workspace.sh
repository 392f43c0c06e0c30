# shellcheck shell=sh
# Read where code of a release is executed: there is a folder to write in, with a copy of the project.
# It is in the unit's own /var/tmp, which systemd removes; its name is always the same, as paths are
# in results' keys. Returns non-zero, and says why in $trouble, if there is no such folder.
release=$PROJECT_DIR
no_copy() {
    left=$(df -Pk /var/tmp | awk 'END { print int($4 / 1024) }')
    trouble="the project cannot be copied to /var/tmp, which has $left MiB left"
    return 1
}
no_folder() {
    named=$(printf %s "$RUN_WORKING_DIR" | tr -d '"\\[:cntrl:]')
    trouble="there is no folder $named, which working_dir names"
    return 1
}
work=/var/tmp/run
mkdir -m 700 "$work" 2>/dev/null || work=$(mktemp -d /var/tmp/run.XXXXXX) || no_copy || return
cd "$release" || no_copy || return
# The release's own, and files of more than 16 MiB: these are links.
project() {
    find . -mindepth 1 \( -path ./.venv -o -path ./.prefect_worker -o -path ./.project \
        -o -path ./.ready -o -path './.proved-*' -o -path ./.images.json -o -path ./release.env \
        -o -path ./.ca.pem -o -path ./.api-ca.pem \) -prune -o "$@"
}
{
    # A pipe ends as its last program does.
    project ! \( -type f -size +16384k \) -print0 | tar -c --null --no-recursion -T - &&
        touch "$work/.whole"
} | tar -x -C "$work" && rm "$work/.whole" &&
    project -type f -size +16384k \
        -exec sh -c 'for f; do ln -s "$PWD/$f" "$0/$f" || exit; done' "$work" {} + &&
    ln -s "$release/.venv" "$work" || no_copy || return
export PROJECT_DIR="$work"
# What packages and the project itself bring as programs is found by its name, as where an
# environment is activated.
export PATH="$PROJECT_DIR/.venv/bin:$release/.project/bin:$PATH"
cd "$PROJECT_DIR" && cd -- "${RUN_WORKING_DIR:-.}" || no_folder || return
