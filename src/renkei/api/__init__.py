"""DOOR for vendor systems: JSON. Parse, call one action, return its result. One file per noun."""
