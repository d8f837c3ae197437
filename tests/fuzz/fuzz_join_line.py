"""Fuzzes `targets.join_line`; see `harness`."""

from .harness import main

if __name__ == "__main__":
    main("join_line")
