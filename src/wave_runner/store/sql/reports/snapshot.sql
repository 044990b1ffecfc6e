-- All numbers of a report come from one moment: they add up, whatever is being written meanwhile.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY
