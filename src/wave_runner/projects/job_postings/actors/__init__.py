"""The actors of this project, one per file, and the modules that they share (`sources`, `cleaning`, `checks`)."""
