"""Backup, restore and checks."""
