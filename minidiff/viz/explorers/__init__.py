"""The interactive figures: each one file of Python and one of JavaScript."""
