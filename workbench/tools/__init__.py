"""What agents can do to the world, and the edges it is done through."""
