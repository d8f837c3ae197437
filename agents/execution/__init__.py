"""What an assignment or a probe needs, in order: decide, carry out, spool."""
