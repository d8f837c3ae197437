#!/bin/sh
# enter.sh ROOT CPU CPUINFO COMMAND...: runs a command of an aarch64 root, emulated.
# In namespaces of its own: the translator is known in here alone (binfmt_misc of a user namespace, Linux 6.7), and
# nothing of this machine is changed. CPUINFO lies over the host's, which QEMU 7.2 shows and which
# makes libraries believe in another processor. Each start is a boot of its own, by its id.
root=$1 cpu=$2 cpuinfo=$3
shift 3
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc || exit 91
qemu=$(command -v qemu-aarch64-static) || exit 92
printf '%s' ':bitgauge-aarch64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:'"$qemu"':PF' \
  >/proc/sys/fs/binfmt_misc/register || exit 93
mkdir -p "$root/dev" "$root/sys" "$root/proc" || exit 94
mount --bind "$root" "$root" && mount -t proc proc "$root/proc" &&
  mount --rbind /dev "$root/dev" && mount --rbind /sys "$root/sys" &&
  mount --bind "$cpuinfo" "$root/proc/cpuinfo" || exit 95
boot=$(mktemp) && cat /proc/sys/kernel/random/uuid >"$boot" &&
  mount --bind "$boot" "$root/proc/sys/kernel/random/boot_id" && rm "$boot" || exit 96
export QEMU_CPU="$cpu" PYTHONPATH=/opt/own:/opt/site PYTHONDONTWRITEBYTECODE=1
exec chroot "$root" "$@"
