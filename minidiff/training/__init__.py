"""Algorithm 1 and what a real run needs around it."""
