-- Nobody begins a run while it is decided which ranges go: until the COMMIT it is known which runs they have.
LOCK TABLE run_ranges IN SHARE ROW EXCLUSIVE MODE
