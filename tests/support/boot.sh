# bash boot.sh DIRECTORY [FROM:TO]...: start systemd in a container.
# Runs in new mount, pid, uts, ipc, net and cgroup namespaces. The container's root is an overlay over this machine's root.
# Its writes stay in memory and end with it. FROM:TO are directories that it sees read only.
set -euo pipefail
layers=$1
shift

mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$layers"
mkdir "$layers"/upper "$layers"/work "$layers"/root
root=$layers/root
mount -t overlay -o "lowerdir=/,upperdir=$layers/upper,workdir=$layers/work" overlay "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys"
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$root/sys/fs/cgroup"

mount -t tmpfs -o mode=755,nosuid tmpfs "$root/dev"
for node in null:3 zero:5 full:7 random:8 urandom:9; do
    mknod -m 666 "$root/dev/${node%:*}" c 1 "${node#*:}"
done
mknod -m 666 "$root/dev/tty" c 5 0
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for stream in 0:in 1:out 2:err; do ln -s "/proc/self/fd/${stream%:*}" "$root/dev/std${stream#*:}"; done
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"

for seen in "$@"; do
    mkdir -p "$root${seen#*:}"
    mount --bind "${seen%%:*}" "$root${seen#*:}"
    mount -o remount,bind,ro "$root${seen#*:}"
done

hostname box
: >"$root/etc/fstab"
units=$root/etc/systemd/system
mkdir -p "$units"
printf '[Unit]\nRequires=basic.target\nAfter=basic.target\nAllowIsolate=yes\n' >"$units/box.target"
# Mask the units for hardware, the kernel and the outer network, which the container does not have.
for unit in systemd-udevd.service systemd-udevd-kernel.socket systemd-udevd-control.socket systemd-udev-trigger.service \
    systemd-modules-load.service systemd-sysctl.service systemd-random-seed.service systemd-remount-fs.service \
    systemd-timesyncd.service systemd-networkd.service systemd-binfmt.service proc-sys-fs-binfmt_misc.automount \
    sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount dev-hugepages.mount \
    kmod-static-nodes.service ldconfig.service; do
    ln -sf /dev/null "$units/$unit"
done

cd "$root"
mkdir -p .old
pivot_root . .old
umount -l /.old
rmdir /.old 2>/dev/null || true
mount --make-rshared / # LoadCredential= needs it
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=box \
    /lib/systemd/systemd --system --unit=box.target --show-status=0
