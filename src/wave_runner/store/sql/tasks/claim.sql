-- The next task that a person may take: of a queue or by its number, the most urgent first. Whoever has spoken in this
-- round is done with it. A claim of one's own comes first, and is taken anew, with what had been filled in; the old token is
-- void.
UPDATE tasks t
SET claimed_by = %(person)s, claim_token = gen_random_uuid(), claimed_at = clock_timestamp(),
    claim_expires_at = clock_timestamp() + make_interval(secs => %(lease_s)s),
    draft = CASE WHEN t.claimed_by = %(person)s THEN t.draft END
WHERE (t.run_id, t.interaction_id) = (
    SELECT o.run_id, o.interaction_id FROM tasks o
    WHERE o.decided_at IS NULL
      AND (%(task)s::bigint IS NULL OR o.interaction_id = %(task)s)
      AND (%(queue)s::text IS NULL OR o.queue = %(queue)s)
      AND o.interaction_id <> ALL (%(skip)s::bigint[])
      AND (o.claim_expires_at IS NULL OR o.claim_expires_at <= clock_timestamp() OR o.claimed_by = %(person)s)
      AND NOT EXISTS (SELECT FROM decisions d
                      WHERE d.run_id = o.run_id AND d.interaction_id = o.interaction_id AND d.round = o.round
                        AND d.person = %(person)s)
    ORDER BY (o.claimed_by = %(person)s AND o.claim_expires_at > clock_timestamp()) IS TRUE DESC, o.priority DESC, o.due_at, o.interaction_id
    LIMIT 1
    FOR UPDATE SKIP LOCKED)
RETURNING t.run_id, t.interaction_id, t.queue, t.round
