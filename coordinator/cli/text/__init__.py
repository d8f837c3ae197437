"""Values to lines that people read; pure."""
