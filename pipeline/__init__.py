"""Spock's pipeline: the stages of a night and what they stand on."""

__version__ = "0.1.0"
