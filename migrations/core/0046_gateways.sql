-- Gateways of radio networks, known by the sensors that they hear.
CREATE TABLE gateway (
    municipality  integer NOT NULL REFERENCES municipality,
    id            text NOT NULL,
    last_heard    timestamptz NOT NULL, -- any device through it, to ten seconds
    PRIMARY KEY (municipality, id)
);

-- Which gateways hear which sensor, sixteen of each at most.
CREATE TABLE gateway_link (
    municipality  integer NOT NULL,
    device        text NOT NULL,
    gateway       text NOT NULL,
    last_heard    timestamptz NOT NULL,
    messages      double precision NOT NULL, -- up to then, each weighing e times less after a week
    PRIMARY KEY (municipality, device, gateway)
);
CREATE INDEX gateway_link_by_gateway ON gateway_link (municipality, gateway);
