-- Which of these waves hold work that has been cancelled: their runner stops it, and gives the rest back.
SELECT DISTINCT wave_id FROM interactions WHERE wave_id = ANY (%(wave_ids)s::bigint[]) AND state = 'cancelled'
