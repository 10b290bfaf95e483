"""Self-test of training on this machine: several processes against one."""
