"""The chain of the slides: its schedule, the way into noise, the posterior, and what is known in closed form."""
