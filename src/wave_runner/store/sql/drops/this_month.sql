SELECT date_trunc('month', now() AT TIME ZONE 'UTC')::date AS month
