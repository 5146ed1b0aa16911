"""Rules of a contract: each refuses arguments that do not go together, and belongs to a function or a few."""
