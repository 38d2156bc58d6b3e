"""Protocol servers: real HTTP on loopback, with answers and faults by script."""
