"""Every step runs in a child process of its own, watched over and ended with its tree."""
