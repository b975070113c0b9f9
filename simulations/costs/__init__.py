"""The time that runs take: measured, estimated, and scaled to this machine."""
