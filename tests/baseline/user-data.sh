#!/bin/bash
# What people put into user data today: wait for the volume, mount it, take the address. Runs once, at the instance's first boot.
set -euo pipefail

service="${SERVICE:-sample}"
metadata="${METADATA_URL:-http://169.254.169.254}"
token=$(curl -sf -X PUT "$metadata/latest/api/token" -H 'X-aws-ec2-metadata-token-ttl-seconds: 21600')
instance_id=$(curl -sf -H "X-aws-ec2-metadata-token: $token" "$metadata/latest/meta-data/instance-id")

# The Lambda attaches it; how long that takes depends on the data.
while true; do
    attached=$(aws ec2 describe-volumes --query 'length(Volumes)' --output text --filters \
        "Name=tag:failover:service,Values=$service" "Name=attachment.instance-id,Values=$instance_id" "Name=attachment.status,Values=attached")
    [ "$attached" -gt 0 ] && break
    sleep 15
done

if [ -b /dev/nvme1n1 ]; then
    mkdir -p /data
    mount /dev/nvme1n1 /data
fi

allocation_id=$(aws ec2 describe-addresses --query 'Addresses[0].AllocationId' --output text \
    --filters "Name=tag:failover:service,Values=$service")
aws ec2 associate-address --allocation-id "$allocation_id" --instance-id "$instance_id" --allow-reassociation
