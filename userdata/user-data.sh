#!/bin/bash
# User data for an instance of a protected service: installs the failover agent and starts it, now and at every boot.
# Amazon Linux 2023, Debian, Ubuntu. Fill in the variables; the rest stays as it is. Details: userdata/README.md.

# The binary: https://..., http://..., s3://BUCKET/KEY (needs the AWS CLI), or empty if the image has it in /usr/local/bin.
AGENT_URL=""
# What `sha256sum failover-agent` prints for it. Required, unless the image has the binary.
AGENT_SHA256=""
# The service's name. Empty: the instance's tag failover:service (the instance must allow tags in its metadata).
SERVICE=""
# The DynamoDB table of the controller. Empty: no controller, the agent is standalone (an Auto Scaling group without volumes).
TABLE="failover"

set -euo pipefail
binary=/usr/local/bin/failover-agent

fail() {
    echo "failover-agent was not installed: $1" >&2
    exit 1
}

fetch() {
    case $AGENT_URL in
        s3://*)
            command -v aws >/dev/null || fail "$AGENT_URL needs the AWS CLI, which this image lacks; an https:// URL needs curl only"
            # The CLI would look for the bucket in us-east-1 first, which a private subnet may not reach.
            AWS_DEFAULT_REGION=$(cloud-init query region 2>/dev/null || echo us-east-1) \
                timeout 120 aws s3 cp --only-show-errors "$AGENT_URL" "$1"
            ;;
        https://* | http://*)
            if command -v curl >/dev/null; then
                curl --fail --silent --show-error --location --max-time 120 --output "$1" "$AGENT_URL"
            elif command -v wget >/dev/null; then
                timeout 120 wget --no-verbose --output-document="$1" "$AGENT_URL"
            else
                fail "$AGENT_URL needs curl or wget, and this image has neither"
            fi
            ;;
        *) fail "AGENT_URL is '$AGENT_URL'; it begins with https://, http:// or s3://, or is empty" ;;
    esac
}

# Right after the start, the network or the role's credentials may not be there yet.
fetch_patiently() {
    for ((try = 1; try <= 6; try++)); do
        fetch "$1" && return
        ((try == 6)) || sleep 5
    done
    fail "$AGENT_URL can't be had; the lines above say why"
}

verify() {
    local actual
    actual=$(sha256sum "$1" | cut -d ' ' -f 1)
    [ "$actual" = "$AGENT_SHA256" ] || fail "the SHA-256 of $2 is $actual, not $AGENT_SHA256"
}

[ "$(id -u)" = 0 ] || fail 'run this as root'
if [ -n "$AGENT_URL" ]; then
    [ -n "$AGENT_SHA256" ] || fail 'AGENT_SHA256 is empty: what is downloaded is only run if its SHA-256 is the one that you name'
    # In the folder where it will be, so that it gets there whole or not at all.
    new=$(mktemp "$binary.XXXXXX")
    trap 'rm -f -- "$new"' EXIT
    fetch_patiently "$new"
    verify "$new" "$AGENT_URL"
    chmod 0755 "$new"
    "$new" --version || fail "the binary from $AGENT_URL does not run on this machine"
    mv -- "$new" "$binary"
else
    [ -x "$binary" ] || fail "AGENT_URL is empty, and the image has no $binary"
    [ -z "$AGENT_SHA256" ] || verify "$binary" "$binary"
    "$binary" --version || fail "$binary does not run on this machine"
fi

mkdir -p /etc/failover
{
    if [ -n "$SERVICE" ]; then echo "service = \"$SERVICE\""; fi
    if [ -n "$TABLE" ]; then echo "table = \"$TABLE\""; fi
} >/etc/failover/agent.toml

cat >/etc/systemd/system/failover-agent.service <<'UNIT'
[Unit]
Description=Failover agent: starts the service where the ledger names this instance
# At shutdown the order is reversed: the agent stops while it can still report that it stopped.
# Not After=cloud-final.service: user data runs in it, and starts this unit.
Wants=network-online.target
After=network-online.target nss-lookup.target
# It is started again for ever: an instance without its agent serves nothing.
StartLimitIntervalSec=0

[Service]
# It says when it watches the ledger, and every few seconds that it still does, also while it waits for a disk.
Type=notify
WatchdogSec=180
# One that does not even react to the watchdog's signal is ended at once.
TimeoutAbortSec=5
ExecStart=/usr/local/bin/failover-agent run
# Optional: FAILOVER_TABLE, AWS_ENDPOINT_URL, RUST_LOG, HTTPS_PROXY, ...
EnvironmentFile=-/etc/failover/environment
Restart=always
RestartSec=2
# To stop is to quiesce: the workload's units, sync, unmount. Only then is it certain that nothing writes any more.
TimeoutStopSec=300
# A mount, a file system check or a command of failover.toml that runs is not interrupted along with the agent.
KillMode=mixed
OOMScoreAdjust=-900
# No PrivateTmp, ProtectSystem, ProtectHome, PrivateDevices or the like: each gives the agent a mount namespace of its own, and what it
# mounts would be invisible to the units. No NoNewPrivileges: commands of failover.toml may use sudo.

[Install]
WantedBy=multi-user.target
UNIT

systemctl daemon-reload
# User data runs at the first boot only, the unit at every one.
systemctl enable failover-agent.service
# It runs for as long as the instance does: nobody waits for it here. One that runs already is not interrupted, since it may be serving.
systemctl start --no-block failover-agent.service
echo "failover-agent is installed; 'journalctl -u failover-agent' shows what it does, 'failover-agent doctor' what is wrong"
