"""Fuzzes `targets.gguf`; see `harness`."""

from .harness import main

if __name__ == "__main__":
    main("gguf")
