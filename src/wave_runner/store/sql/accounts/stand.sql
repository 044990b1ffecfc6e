-- How accounts stand. What is under way is what open waves hold at this moment: of a model its requests, of a script
-- or a query its waves. So it is freed by whatever ends the work, and by nothing else: a request that somebody has cancelled is
-- there until its runner lets go of the wave. An account of which nothing has begun has the times -infinity, from which
-- PostgreSQL can take a time away since version 17 only.
SELECT a.kind, a.name,
       greatest(0, extract(epoch FROM greatest(a.next_request_at, clock_timestamp()) - clock_timestamp()))::float8 AS next_request_s,
       greatest(0, extract(epoch FROM greatest(a.next_token_at, clock_timestamp()) - clock_timestamp()))::float8 AS next_token_s,
       (SELECT count(*) FROM waves w
        JOIN queues q USING (queue_id)
        JOIN actors by ON by.actor_id = q.actor_id
        LEFT JOIN claimed c ON c.wave_id = w.wave_id AND by.kind = 'ai_model'
        LEFT JOIN interactions i ON i.run_id = c.run_id AND i.interaction_id = c.interaction_id
            AND i.wave_id = w.wave_id AND i.state IN ('running', 'cancelled')
        WHERE w.closed_at IS NULL AND (by.kind <> 'ai_model' OR i.interaction_id IS NOT NULL)
          AND CASE a.kind WHEN 'server' THEN q.lane = a.name ELSE by.name = a.name END) AS under_way
FROM accounts a
JOIN unnest(%(kinds)s::text[], %(names)s::text[]) AS g (kind, name) USING (kind, name)
