#!/bin/sh
# Run by systemd at each boot of the virtual machine: installs both packages without network, then goes on in guest.py.
set -e
tell() { printf '{"step": "%s", "ok": %s, "said": ""}\n' "$1" "$2" > /dev/ttyS1; }
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
if [ ! -e /root/was-cut ]; then
	tell booted true
	apt-get -q -o Acquire::Languages=none update > /root/log 2>&1 &&
		apt-get -q -y install cloned cloned-live >> /root/log 2>&1 || {
		tail -30 /root/log > /dev/ttyS0
		tell install false
		systemctl --no-block poweroff
		exit 1
	}
	tell install true
fi
exec /usr/lib/cloned/bin/python3 -I /root/guest.py
