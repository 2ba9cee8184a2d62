#!/usr/bin/env python3
"""Makes a large GTFS feed of one town by copying it, with express lines between the copies.

    scale.py TOWN.zip OUT.zip [--copies 16] [--queries OUT.csv] [--count 200] [--seed 1]

Every copy lies a degree further east; its ids and stop names carry its number, so that no two stops
share a name. Express lines run from each copy to the next and to the one four further on, both ways,
every 15 minutes from 5 to 23 h, between the busiest stops of the copies, without a stop between. The
queries (q,from,to,dep) are drawn over all copies, between 6 and 20 h.
"""

import argparse
import collections
import csv
import io
import random
import zipfile

EXPRESS_EVERY_S = 900
EXPRESS_RIDE_S = 2400
EXPRESS_HOURS = (5, 23)
HUBS = 4


def rows(town, name):
    with town.open(name) as file:
        yield from csv.DictReader(io.TextIOWrapper(file, "utf-8-sig"))


def clock(s):
    return f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}"


def busiest(town):
    calls = collections.Counter(row["stop_id"] for row in rows(town, "stop_times.txt"))
    return [stop for stop, _ in calls.most_common(HUBS)]


def express(copies, hubs):
    """(route, trip, [(stop, time), (stop, time)])"""
    for copy in range(copies):
        for step in (1, 4):
            if copy + step >= copies:
                continue
            for number, hub in enumerate(hubs):
                for a, b in ((copy, copy + step), (copy + step, copy)):
                    route = f"X{a}-{b}-{number}"
                    for start in range(EXPRESS_HOURS[0] * 3600, EXPRESS_HOURS[1] * 3600, EXPRESS_EVERY_S):
                        calls = [(f"c{a}_{hub}", start), (f"c{b}_{hub}", start + EXPRESS_RIDE_S)]
                        yield route, f"{route}@{start}", calls


def copied(town, out, name, ids, copies, extra=()):
    """Writes a file once for each copy; `ids` are the columns that become the copy's own."""
    source = list(rows(town, name))
    fields = list(source[0])
    with out.open(name, "w") as file:
        text = io.TextIOWrapper(file, "utf-8", newline="")
        writer = csv.writer(text)
        writer.writerow(fields)
        for copy in range(copies):
            for row in source:
                row = dict(row)
                for field in ids:
                    row[field] = f"c{copy}_{row[field]}"
                if name == "stops.txt":
                    row["stop_name"] = f"{row['stop_name']} {copy}"
                    row["stop_lon"] = f"{float(row['stop_lon']) + copy:.6f}"
                writer.writerow([row[field] for field in fields])
        for row in extra:
            writer.writerow([row.get(field, "") for field in fields])
        text.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("town")
    parser.add_argument("out")
    parser.add_argument("--copies", type=int, default=16)
    parser.add_argument("--queries")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    town = zipfile.ZipFile(args.town)
    copies = args.copies
    lines = list(express(copies, busiest(town)))
    service = next(rows(town, "trips.txt"))["service_id"]
    agency = next(rows(town, "routes.txt"))["agency_id"]
    routes = [
        {"route_id": route, "agency_id": agency, "route_short_name": route, "route_type": "2"}
        for route in dict.fromkeys(line[0] for line in lines)
    ]
    trips = [{"route_id": route, "service_id": service, "trip_id": trip} for route, trip, _ in lines]
    times = [
        {"trip_id": trip, "stop_id": stop, "stop_sequence": n, "arrival_time": clock(s), "departure_time": clock(s)}
        for _, trip, calls in lines
        for n, (stop, s) in enumerate(calls, 1)
    ]
    with zipfile.ZipFile(args.out, "w", zipfile.ZIP_DEFLATED) as out:
        for name in town.namelist():
            if name in ("agency.txt", "calendar.txt", "calendar_dates.txt"):
                out.writestr(name, town.read(name))
        copied(town, out, "stops.txt", ["stop_id"], copies)
        copied(town, out, "routes.txt", ["route_id"], copies, routes)
        copied(town, out, "trips.txt", ["route_id", "trip_id"], copies, trips)
        copied(town, out, "stop_times.txt", ["trip_id", "stop_id"], copies, times)
        copied(town, out, "transfers.txt", ["from_stop_id", "to_stop_id"], copies)
    if args.queries:
        draw = random.Random(args.seed)
        stops = [row["stop_id"] for row in rows(town, "stops.txt")]
        stop = lambda: f"c{draw.randrange(copies)}_{draw.choice(stops)}"
        with open(args.queries, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["q", "from", "to", "dep"])
            for q in range(args.count):
                writer.writerow([q, stop(), stop(), draw.randrange(6 * 60, 20 * 60) * 60])


if __name__ == "__main__":
    main()
