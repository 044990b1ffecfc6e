"""SHOWS. One file per command."""
