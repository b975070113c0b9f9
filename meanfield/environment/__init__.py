"""What a process runs in: standard streams, signals, settings, the platform of JAX, the packages beside this one."""
