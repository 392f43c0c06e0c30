#!/bin/sh
# What the workloads talk to on a machine: a database, mail, a repository, folders, a device.
set -eu
cd /
su postgres -c 'psql --quiet' <<SQL
CREATE ROLE flows LOGIN PASSWORD 'word';
CREATE DATABASE shop OWNER flows;
SQL
postconf -e inet_interfaces=loopback-only mydestination=localhost
systemctl restart postfix
useradd --create-home --shell /usr/bin/git-shell git
su git -s /bin/sh -c 'mkdir -m 700 ~/.ssh && git init -q ~/repository && cd ~/repository &&
    echo x >a && git add a && git -c user.name=a -c user.email=a@localhost commit -q -m first'
cd /var/lib/prefect/shop-reports
su prefect -s /bin/sh -c 'ssh-keygen -q -t ed25519 -N "" -f git_key'
echo "localhost $(cat /etc/ssh/ssh_host_ed25519_key.pub)" >known_hosts
install -o git git_key.pub ~git/.ssh/authorized_keys
install -d -o prefect /data /mnt/share
install -d /home/reports
echo "of today" >/home/reports/report
install -m 600 /home/reports/report /etc/krb5.keytab
touch /dev/gpu0
# As Debian has it, where a container does not.
echo 0 2147483647 >/proc/sys/net/ipv4/ping_group_range
