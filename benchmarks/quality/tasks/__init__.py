"""What is judged where labels of classes do not say it: one kind of task each, found by name."""
