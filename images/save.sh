#!/bin/sh
# Save a disk image file as a Clonezilla image, by Clonezilla's own ocs-sr on a loop device.
# Usage (as root, in a mount namespace of its own): save.sh DISKFILE REPOSITORY NAME
set -eu
disk=$1 repository=$2 name=$3

loop=$(losetup --find --show "$disk")
trap 'partx --delete "$loop" 2>/dev/null; losetup --detach "$loop"' EXIT
partx --add "$loop"
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
    mknod "/dev/${entry##*/}" b $(tr : ' ' < "$entry/dev")
done

# -z9p: zstd on all cores; -i 4096: split at 4096 MB; -gm: MD5SUMS; -scs, -sfsck: trust it, it was just made.
ocs-sr -nogui -batch -q2 -j2 -z9p -i 4096 -gm -sfsck -senc -scs -or /home/partimag -p true savedisk "$name" "$node" \
    < /dev/null
# ocs-sr ends with 0 whatever happened.
[ -s "/home/partimag/$name/parts" ] && [ -s "/home/partimag/$name/MD5SUMS" ]
