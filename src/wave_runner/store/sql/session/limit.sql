-- For the rest of the transaction: how long one statement may take, and how much of that it may wait for a lock. Waiting
-- ends first: who waits is tried again, a statement that takes too long is refused.
SELECT set_config('statement_timeout', %(statement)s, true), set_config('lock_timeout', %(lock)s, true)
