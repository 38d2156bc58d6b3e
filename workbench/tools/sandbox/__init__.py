"""The walls around commands: one port, two back ends, and a canary that proves them."""
