-- Until when a replica has what was committed: the newest transaction that it has done once more, or the checkpoint that it was made from.
SELECT coalesce(pg_last_xact_replay_timestamp(), (SELECT checkpoint_time FROM pg_control_checkpoint())) AS until
