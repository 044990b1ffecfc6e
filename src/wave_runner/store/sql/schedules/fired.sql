SELECT EXISTS (SELECT FROM firings WHERE schedule = %(name)s AND due_at = %(due_at)s) AS fired
