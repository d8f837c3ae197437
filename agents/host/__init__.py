"""What Linux tells and allows: processes, clocks, sysfs, Landlock, seccomp, temperatures."""
