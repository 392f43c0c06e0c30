#!/usr/bin/env bash
# What a person does by hand to make a bare Debian a worker, over SSH, with no check and no way back.
# Usage: by_hand.sh SSH_CONFIG ADDRESS PROJECT UV CA_BUNDLE NAME POOL; Prefect's URL and password by environment.
set -euo pipefail
config=$1 address=$2 project=$3 uv=$4 ca=$5 name=$6 pool=$7
on() { ssh -F "$config" "$address" "$@"; }

tar -C "$project" -c --exclude=./ansible --exclude=./inventory --exclude='./.*' . |
    on "sudo mkdir -p /opt/$pool && sudo tar -C /opt/$pool -x --no-same-owner"
on 'sudo tee /usr/local/bin/uv >/dev/null' <"$uv"
on 'sudo tee /etc/ssl/bundle.pem >/dev/null' <"$ca"
on "sudo sh -euc '
    dpkg -s ca-certificates >/dev/null || { apt-get update && apt-get install -y ca-certificates; }
    useradd --system --shell /usr/sbin/nologin --home-dir /var/lib/$pool prefect
    chmod +x /usr/local/bin/uv
    cd /opt/$pool
    export SSL_CERT_FILE=/etc/ssl/bundle.pem
    uv venv --quiet .venv
    uv pip install --quiet --require-hashes --compile-bytecode -r requirements.txt
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
