-- The row that whoever looks locks; there is one from the first look on.
INSERT INTO notice_looks DEFAULT VALUES ON CONFLICT DO NOTHING
