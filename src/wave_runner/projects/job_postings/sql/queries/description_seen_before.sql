-- Has another posting the same description? The city often posts one job twice, for its own people and for everybody.
-- parameters: job_id, posting_type
SELECT CASE WHEN EXISTS (
    SELECT FROM postings AS other
    JOIN postings AS this ON this.job_id = %s AND this.posting_type = %s
    WHERE md5(other.description) = md5(this.description)
      AND other.description = this.description
      AND other.posting_id <> this.posting_id
) THEN 'REPEATED' ELSE 'NEW' END AS outcome
