"""What must be true of a tenant before anything is written to it: checks over what was read."""
