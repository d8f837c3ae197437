"""A program of `torch.export` as a file: what it holds and whether it may be loaded.

Both are read without the library, and without running a byte of it.
"""
