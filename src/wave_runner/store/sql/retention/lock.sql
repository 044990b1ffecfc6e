-- Nobody places a hold while old contents go: until the COMMIT it is known what is held.
LOCK TABLE legal_holds IN SHARE MODE
