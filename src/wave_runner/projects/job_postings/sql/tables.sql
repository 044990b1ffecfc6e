-- The tables of this project. They run once, in one transaction, after the engine's own: `records` and `staged_records`
-- are the engine's, everything here is yours.

CREATE TABLE postings (
    -- Identity belongs to the engine, the data to us.
    posting_id             bigint PRIMARY KEY REFERENCES records (record_id),
    -- The city gives one job_id to the internal and to the external posting of a job, so the key needs both.
    posting_key            text GENERATED ALWAYS AS (job_id || '/' || posting_type) STORED UNIQUE,
    job_id                 text NOT NULL CHECK (job_id <> ''),
    posting_type           text NOT NULL CHECK (posting_type IN ('Internal', 'External')),
    source                 text,
    source_id              text,
    title                  text NOT NULL CHECK (title <> ''),
    agency                 text NOT NULL,
    description            text NOT NULL CHECK (char_length(description) >= 100),
    civil_service_title    text,
    title_code             text,
    level                  text,
    positions              integer CHECK (positions > 0),
    salary_from            numeric(12, 2) CHECK (salary_from >= 0),
    salary_to              numeric(12, 2),
    salary_frequency       text CHECK (salary_frequency IN ('Annual', 'Daily', 'Hourly')),
    work_location          text,
    division               text,
    minimum_qualifications text,
    preferred_skills       text,
    additional_information text,
    how_to_apply           text,
    hours_per_shift        text,
    residency              text,
    posted_at              timestamptz,
    open_until             timestamptz,
    updated_at             timestamptz,
    processed_at           timestamptz,
    latitude               double precision CHECK (latitude BETWEEN -90 AND 90),
    longitude              double precision CHECK (longitude BETWEEN -180 AND 180),
    -- What the workflow finds out.
    summary                text CHECK (summary <> ''),
    ihl_score              integer CHECK (ihl_score BETWEEN 0 AND 100),
    ihl_verdict            text,
    red_flags              jsonb CHECK (jsonb_typeof(red_flags) = 'array'),
    UNIQUE (job_id, posting_type),
    CHECK (salary_from <= salary_to),
    -- A verdict is a band of the score; one without the other, or outside its band, says nothing.
    CONSTRAINT verdict_in_its_band CHECK (
        CASE ihl_verdict
            WHEN 'GENUINE'            THEN ihl_score BETWEEN  0 AND  39
            WHEN 'BORDERLINE'         THEN ihl_score BETWEEN 40 AND  69
            WHEN 'COMPLIANCE_THEATER' THEN ihl_score BETWEEN 70 AND  89
            WHEN 'FAKE'               THEN ihl_score BETWEEN 90 AND 100
            ELSE ihl_verdict IS NULL
        END IS TRUE
        AND (ihl_verdict IS NULL) = (ihl_score IS NULL)
    )
);

-- sql/queries/description_seen_before.sql asks for equal descriptions; the texts themselves are too long for an index row.
CREATE INDEX postings_description ON postings (md5(description));

CREATE TABLE job_skills (
    posting_id bigint NOT NULL REFERENCES postings (posting_id),
    skill      text NOT NULL CHECK (skill <> ''),
    position   integer NOT NULL CHECK (position > 0),  -- as the model ordered them, from 1
    PRIMARY KEY (posting_id, skill)
);

-- What was fetched and what became of it, in the words of this project.
CREATE VIEW postings_staging AS
SELECT staged_id, run_id, interaction_id, source, position, raw, state, errors, record_id AS posting_id, staged_at, decided_at
FROM staged_records
WHERE collection = 'postings';
