"""READS a project folder into core values."""
