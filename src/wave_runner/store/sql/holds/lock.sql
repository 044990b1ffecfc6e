-- Nobody places or releases a hold while contents go: until the COMMIT it is known what is held. One after the other:
-- an erasure and retention may want the same rows.
LOCK TABLE legal_holds IN SHARE ROW EXCLUSIVE MODE
