"""A program of ExecuTorch as a file (.pte): read strictly, without the library."""
