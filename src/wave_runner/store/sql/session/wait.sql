-- For the rest of the transaction: how long it may be silent, while a query of the project's is asked over another connection.
SELECT set_config('idle_in_transaction_session_timeout', %(timeout)s, true)
