"""What everything stands on: what arguments must be, random draws, networks, files, pictures."""
