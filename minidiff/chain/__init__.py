"""The chain of the slides: its schedule, the way into noise, the posterior and closed forms."""
