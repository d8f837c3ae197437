"""What leaves the lab as files."""
