-- What a report or a reading of records is made of stands at one moment: it adds up, whatever is being written meanwhile.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY
