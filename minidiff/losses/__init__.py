"""What training makes small, and the evidence lower bound behind it."""
