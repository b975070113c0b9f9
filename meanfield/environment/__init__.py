"""The surroundings of a process: standard streams, signals, settings, JAX's platform, packages beside this one."""
