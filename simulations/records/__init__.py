"""Records: one a run, stored at the hash of its parameters."""
