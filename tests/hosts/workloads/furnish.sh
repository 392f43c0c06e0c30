#!/bin/sh
# What the workloads talk to on a machine: a database, mail, folders, a device.
set -eu
cd /
su postgres -c 'psql --quiet' <<SQL
CREATE ROLE flows LOGIN PASSWORD 'word';
CREATE DATABASE shop OWNER flows;
SQL
postconf -e inet_interfaces=loopback-only mydestination=localhost
systemctl restart postfix
install -d -o prefect /data /mnt/share
install -d /home/reports
echo "of today" >/home/reports/report
install -m 600 /home/reports/report /etc/krb5.keytab
touch /dev/gpu0
# As Debian has it, where a container does not.
echo 0 2147483647 >/proc/sys/net/ipv4/ping_group_range
