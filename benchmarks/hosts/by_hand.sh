#!/usr/bin/env bash
# What a person does by hand to make a bare Debian a worker, over SSH, with no check and no way back.
# Usage: by_hand.sh SSH_CONFIG ADDRESS PROJECT INSTALLER CA_BUNDLE NAME POOL; Prefect's URL and password by
# environment. INSTALLER is "pip", which comes with the system's venv, or the path of uv here.
set -euo pipefail
config=$1 address=$2 project=$3 installer=$4 ca=$5 name=$6 pool=$7
# One connection for all steps, as Ansible keeps one.
control=$(mktemp -d)
on() { ssh -F "$config" -o ControlMaster=auto -o ControlPath="$control/%C" -o ControlPersist=60 "$address" "$@"; }
leave() {
    ssh -F "$config" -o ControlPath="$control/%C" -O exit "$address" 2>/dev/null || true
    rm -rf "$control"
}
trap leave EXIT

tar -C "$project" -c --exclude=./ansible --exclude=./inventory --exclude='./.*' . |
    on "sudo mkdir -p /opt/$pool && sudo tar -C /opt/$pool -x --no-same-owner"
on 'sudo tee /etc/ssl/bundle.pem >/dev/null' <"$ca"
if [ "$installer" = pip ]; then
    packages='ca-certificates python3-venv'
    install='python3 -m venv .venv
    .venv/bin/pip install --quiet --require-hashes -r requirements.txt'
else
    on 'sudo tee /usr/local/bin/uv >/dev/null && sudo chmod +x /usr/local/bin/uv' <"$installer"
    packages='ca-certificates'
    install='uv venv --quiet .venv
    uv pip install --quiet --require-hashes --compile-bytecode -r requirements.txt'
fi
on "sudo sh -euc '
    dpkg -s $packages >/dev/null 2>&1 || { apt-get update -qq && apt-get install -qq -y $packages >/dev/null; }
    useradd --system --shell /usr/sbin/nologin --home-dir /var/lib/$pool prefect
    cd /opt/$pool
    export SSL_CERT_FILE=/etc/ssl/bundle.pem PIP_CERT=/etc/ssl/bundle.pem
    $install
'"
on "sudo sh -c 'umask 077; cat >/etc/$pool.env'" <<EOF
PREFECT_API_URL=$PREFECT_API_URL
PREFECT_API_AUTH_STRING=$PREFECT_API_AUTH_STRING
PREFECT_HOME=/var/lib/$pool
PROJECT_DIR=/opt/$pool
EOF
on "sudo sh -c 'cat >/etc/systemd/system/$pool.service'" <<EOF
[Unit]
After=network-online.target
Wants=network-online.target

[Service]
User=prefect
WorkingDirectory=/opt/$pool
EnvironmentFile=/etc/$pool.env
StateDirectory=$pool
ExecStart=/opt/$pool/.venv/bin/prefect worker start --pool $pool --name $name --type process
Restart=always

[Install]
WantedBy=multi-user.target
EOF
on "sudo systemctl daemon-reload && sudo systemctl enable --quiet --now $pool.service"
until curl --silent --user "$PREFECT_API_AUTH_STRING" --request POST --json '{}' \
    "$PREFECT_API_URL/work_pools/$pool/workers/filter" | grep -q "\"name\":\"$name\""; do
    sleep 0.5
done
