"""What Linux tells and allows: processes, clocks, sysfs, temperatures."""
