"""Shows by HTTP what the reports say. One file for each noun; nothing here counts anything itself."""
