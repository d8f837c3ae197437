"""Known issues: a reviewed file of what is wrong with ranges of a stack or kinds of artifacts."""
