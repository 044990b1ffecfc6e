"""Projects that ship with the package, as templates."""
