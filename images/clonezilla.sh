#!/bin/sh
# Run Clonezilla's own ocs-sr on a disk that is a file, through a loop device.
# Usage (as root, in a mount namespace of its own): clonezilla.sh DISKFILE REPOSITORY OCS-SR-ARGUMENTS…
# The disk's name is added at the end of the arguments.
set -eu
disk=$1 repository=$2
shift 2

loop=$(losetup --find --show "$disk")
trap 'partx --delete "$loop" 2>/dev/null; losetup --detach "$loop"' EXIT
partx --delete "$loop" 2>/dev/null || true # what is left of a file that was detached without it
partx --add "$loop" 2>/dev/null || true
node=${loop#/dev/}

# ocs-sr stops swap and LVM on every disk it sees, and leaves logs: give it a /dev with this disk alone, and its own /tmp.
mount --bind "$repository" /home/partimag
mount -t tmpfs none /dev
mount -t tmpfs none /var/log
mount -t tmpfs none /tmp
mkdir /var/log/clonezilla
for entry in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
    mknod "/dev/${entry%%:*}" c $(echo "${entry#*:}" | tr : ' ')
done
ln -s /proc/self/fd /dev/fd
mkdir /dev/shm /dev/pts
mknod "/dev/loop-control" c 10 237
for entry in "/sys/block/$node" "/sys/block/$node/$node"p*; do
    [ -e "$entry/dev" ] && mknod "/dev/${entry##*/}" b $(tr : ' ' < "$entry/dev")
done

ocs-sr -or /home/partimag "$@" "$node" < /dev/null
