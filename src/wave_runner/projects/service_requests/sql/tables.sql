-- The city's own table, and 24 real requests in it. It runs once, in one transaction, after the engine's tables.
--
-- Source: NYC Open Data, "311 Service Requests from 2010 to Present", animal-related requests of 13 and 14 March 2025, as
-- published in the repository plotly/datasets. The city publishes the data under Local Law 11 of 2012, without
-- licence requirement or restriction of use, and does not vouch for their accuracy.
-- Modified: eight of the 31 columns were taken; house numbers were left out; place and borough are written as one phrase.

CREATE TABLE requests (
    request_no   text PRIMARY KEY,
    received_at  timestamptz NOT NULL,
    complaint    text NOT NULL CHECK (complaint <> ''),
    descriptor   text NOT NULL CHECK (descriptor <> ''),
    place        text NOT NULL CHECK (place <> ''),
    status       text NOT NULL CHECK (status IN ('In Progress', 'Closed')),
    -- What the workflow finds out.
    repeats      text REFERENCES requests,                 -- the older request that says the same
    team         text CHECK (team IN ('POLICE', 'SANITATION', 'PARKS', 'HEALTH')),
    urgency      text CHECK (urgency IN ('NOW', 'SOON', 'LATER')),
    answer       text CHECK (answer <> ''),
    CHECK (repeats <> request_no)
);
CREATE INDEX requests_alike ON requests (complaint, descriptor, place, received_at);

INSERT INTO requests (request_no, received_at, complaint, descriptor, place, status) VALUES
    ('64345465', '2025-03-14 01:20-04', 'Animal-Abuse', 'Neglected', 'Residential Building/House, COZINE AVENUE, BROOKLYN', 'In Progress'),
    ('64349550', '2025-03-14 00:44-04', 'Animal-Abuse', 'Tortured', 'Residential Building/House, LIBERTY AVENUE, QUEENS', 'In Progress'),
    ('64342912', '2025-03-14 00:25-04', 'Animal-Abuse', 'No Shelter', 'Residential Building, 86 STREET, QUEENS', 'In Progress'),
    ('64344236', '2025-03-13 23:33-04', 'Animal-Abuse', 'Neglected', 'Residential Building/House, WILSON AVENUE, BROOKLYN', 'In Progress'),
    ('64344359', '2025-03-13 21:52-04', 'Dead Animal', 'Cat', 'Sidewalk, FARRAGUT ROAD, BROOKLYN', 'In Progress'),
    ('64341743', '2025-03-13 21:10-04', 'Dead Animal', 'Cat', 'Sidewalk, 67 STREET, BROOKLYN', 'In Progress'),
    ('64341792', '2025-03-13 21:00-04', 'Dead Animal', 'Cat', 'Street, WEST 96 STREET, MANHATTAN', 'In Progress'),
    ('64341793', '2025-03-13 20:56-04', 'Dead Animal', 'Cat', 'Street, SEYMOUR AVENUE, BRONX', 'In Progress'),
    ('64342980', '2025-03-13 20:35-04', 'Animal-Abuse', 'Neglected', 'Store/Commercial, CONEY ISLAND AVENUE, BROOKLYN', 'In Progress'),
    ('64346918', '2025-03-13 20:34-04', 'Dead Animal', 'Rat or Mouse', 'Sidewalk, FRANKLIN AVENUE, BROOKLYN', 'In Progress'),
    ('64344619', '2025-03-13 20:30-04', 'Unsanitary Animal Pvt Property', 'Other Animal', '3+ Family Apartment Building, WEST 144 STREET, MANHATTAN', 'In Progress'),
    ('64342055', '2025-03-13 19:31-04', 'Illegal Animal Sold', 'Other', 'Residence, SPRINGFIELD BOULEVARD, QUEENS', 'In Progress'),
    ('64347726', '2025-03-13 19:23-04', 'Animal in a Park', 'Dog Off Leash', 'Park, 5 AVENUE, MANHATTAN', 'Closed'),
    ('64343129', '2025-03-13 19:02-04', 'Animal in a Park', 'Dead Animal', 'Park, BEACH CHANNEL PARK, QUEENS', 'In Progress'),
    ('64341574', '2025-03-13 18:38-04', 'Dead Animal', 'Rat or Mouse', 'Sidewalk, EASTERN PARKWAY, BROOKLYN', 'In Progress'),
    ('64349828', '2025-03-13 18:24-04', 'Dead Animal', 'Bird', 'Sidewalk, JUDGE STREET, QUEENS', 'In Progress'),
    ('64348615', '2025-03-13 18:18-04', 'Unsanitary Animal Pvt Property', 'Dog', '1-2 Family Dwelling, PARKVIEW LOOP, STATEN ISLAND', 'In Progress'),
    ('64345663', '2025-03-13 17:59-04', 'Dead Animal', 'Cat', 'Sidewalk, HYLAN BOULEVARD, STATEN ISLAND', 'In Progress'),
    ('64349399', '2025-03-13 17:54-04', 'Animal-Abuse', 'Neglected', 'Residential Building/House, AMBOY ROAD, STATEN ISLAND', 'Closed'),
    ('64346541', '2025-03-13 17:49-04', 'Animal in a Park', 'Dog Off Leash', 'Park, WASHINGTON PARK, BROOKLYN', 'Closed'),
    ('64341181', '2025-03-13 17:30-04', 'Animal in a Park', 'Dog Off Leash', 'Park, MASPETH AVENUE, BROOKLYN', 'Closed'),
    ('64347834', '2025-03-13 17:28-04', 'Animal in a Park', 'Dog Off Leash', 'Park, MASPETH AVENUE, BROOKLYN', 'Closed'),
    ('64341662', '2025-03-13 16:38-04', 'Animal in a Park', 'Dead Animal', 'Park, RIVERSIDE PARK, MANHATTAN', 'In Progress'),
    ('64344820', '2025-03-13 15:26-04', 'Dead Animal', 'Other', 'Street, FLUSHING AVENUE, QUEENS', 'In Progress');
