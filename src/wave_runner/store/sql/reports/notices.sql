-- What was told outside, and what is still to be, the newest first.
SELECT n.notice_id, CASE WHEN n.settles IS NULL THEN 'raised' ELSE 'settled' END AS says, n.kind, n.subject, n.made_at,
       CASE WHEN n.sent_at IS NOT NULL THEN 'sent' WHEN n.given_up_at IS NOT NULL THEN 'given_up'
            WHEN n.attempts = 0 THEN 'due' ELSE 'trying' END AS state,
       n.attempts, coalesce(n.sent_at, n.given_up_at) AS over_at, n.next_at, n.trouble
FROM notices n
ORDER BY n.made_at DESC, n.notice_id
LIMIT %(limit)s
