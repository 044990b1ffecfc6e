-- One lane at a time adds to what is measured of a queue.
SELECT queue_id FROM queues WHERE queue_id = %(queue_id)s FOR NO KEY UPDATE
