#!/usr/bin/env python3
"""Transit search side by side with nigiri, on the same queries, in alternating rounds.

    transit.py --gtfs FEED.zip --date YYYY-MM-DD --queries FILE.csv [--gtfs-rt FILE.pb] [--rounds 5]
               [--kreisverkehr target/demo/kreisverkehr] [--venv DIR]

Installs `pynigiri` 0.1.5 from PyPI into a virtual environment of its own (--venv, default under the
temporary folder); needs python3 with venv, and a built `kreisverkehr`. Prints one JSON document: for each of the two load_ms,
rss_mb (of a process that has loaded the feed and answered the queries), overlay_ms (with
--gtfs-rt), and median, p95 and maximum per query as the median over the rounds; then on how many
queries the Pareto sets over (rides, arrival) are equal, and the first that are not.

nigiri is asked as fairly as its binding allows: exact stops, no linking of stops by distance or
name, change time of two minutes, at most 7 changes, a day of travel; its journeys are built as
objects in either case, and reading them into numbers is not timed. It keeps whole minutes: use feeds
of whole minutes to compare answers. Stops of equal name within its reach are one for nigiri.
"""

import argparse
import csv
import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

PEER = "pynigiri==0.1.5"
MAX_TRANSFERS = 7
MAX_TRAVEL_MIN = 1440


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gtfs", required=True)
    parser.add_argument("--date", required=True)
    parser.add_argument("--queries", required=True)
    parser.add_argument("--gtfs-rt")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kreisverkehr", default="target/demo/kreisverkehr")
    parser.add_argument("--venv", default=os.path.join(tempfile.gettempdir(), "kreisverkehr-peers"))
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def enter_venv(args):
    """Goes on in the virtual environment, which is made when it is not there."""
    python = os.path.join(args.venv, "bin", "python")
    if not os.path.exists(python):
        subprocess.run([sys.executable, "-m", "venv", args.venv], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PEER], check=True)
    os.execv(python, [python, os.path.abspath(__file__), *sys.argv[1:], "--inside"])


def rss_mb():
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


class Nigiri:
    """The peer, in this process."""

    def __init__(self, args, queries):
        import pynigiri as ng

        self.ng = ng
        self.midnight = int(
            datetime.datetime.fromisoformat(args.date).replace(tzinfo=datetime.timezone.utc).timestamp()
        )
        before = rss_mb()
        begin = time.perf_counter()
        source = ng.TimetableSource("x", args.gtfs)
        source.loader_config.link_stop_distance = 0
        last = (datetime.date.fromisoformat(args.date) + datetime.timedelta(days=1)).isoformat()
        self.timetable = ng.load_timetable([source], args.date, last)
        self.load_ms = (time.perf_counter() - begin) * 1000
        self.realtime = None
        self.overlay_ms = None
        if args.gtfs_rt:
            with open(args.gtfs_rt, "rb") as file:
                update = file.read()
            begin = time.perf_counter()
            day = datetime.datetime.fromisoformat(args.date)
            self.realtime = ng.create_rt_timetable(self.timetable, day)
            said = ng.gtfsrt_update_from_bytes(self.timetable, self.realtime, ng.SourceIdx(0), "x", update)
            self.overlay_ms = (time.perf_counter() - begin) * 1000
            self.updates = said.total_entities_success
        self.queries = [self.query(row) for row in queries]
        self.base_mb = before

    def query(self, row):
        ng = self.ng
        query = ng.Query()
        query.start_time = (self.midnight + int(row["dep"])) // 60
        query.start = [ng.Offset(self.timetable.find_location(row["from"]), 0, 0)]
        query.destination = [ng.Offset(self.timetable.find_location(row["to"]), 0, 0)]
        query.start_match_mode = ng.LocationMatchMode.EXACT
        query.dest_match_mode = ng.LocationMatchMode.EXACT
        query.use_start_footpaths = True
        query.max_transfers = MAX_TRANSFERS
        query.max_travel_time = MAX_TRAVEL_MIN
        return query

    def round(self):
        """(milliseconds of each query, Pareto set of each query)"""
        times, answers = [], []
        for query in self.queries:
            begin = time.perf_counter()
            if self.realtime is None:
                journeys = self.ng.route(self.timetable, query)
            else:
                journeys = self.ng.route_with_rt(self.timetable, self.realtime, query)
            times.append((time.perf_counter() - begin) * 1000)
            # It counts changes, and -1 or 255 where there is no ride.
            found = {(j.transfers + 1 & 0xFF, minutes(j.dest_time) * 60 - self.midnight) for j in journeys}
            answers.append(pareto(found))
        return times, answers


def minutes(at):
    return at if isinstance(at, int) else at.count()


def pareto(found):
    best = []
    for rides, arrival in sorted(found):
        if not best or arrival < best[-1][1]:
            best.append([rides, arrival])
    return best


def ours(args):
    command = [args.kreisverkehr, "journey", "evaluate", "--gtfs", args.gtfs, "--date", args.date]
    command += ["--queries", args.queries, "--json"]
    if args.gtfs_rt:
        command += ["--gtfs-rt", args.gtfs_rt]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return json.loads(done.stdout)


def main():
    args = arguments()
    if not args.inside:
        enter_venv(args)
    with open(args.queries, newline="") as file:
        queries = list(csv.DictReader(file))
    peer = Nigiri(args, queries)
    peer.round()
    peer_rounds, our_rounds = [], []
    for number in range(args.rounds):
        times, peer_answers = peer.round()
        times.sort()
        at = lambda share: times[round((len(times) - 1) * share)]
        peer_rounds.append({"median_ms": at(0.5), "p95_ms": at(0.95), "max_ms": at(1.0)})
        our_rounds.append(ours(args))
        print(f"round {number + 1} of {args.rounds}", file=sys.stderr)
    answers = [[list(entry) for entry in answer["pareto"]] for answer in our_rounds[-1]["answers"]]
    different = [
        {"query": row, "kreisverkehr": a, "nigiri": b} for row, a, b in zip(queries, answers, peer_answers) if a != b
    ]
    middle = lambda rounds, key: round(statistics.median(r[key] for r in rounds), 3)
    keys = ["median_ms", "p95_ms", "max_ms"]
    report = {
        "queries": len(queries),
        "rounds": args.rounds,
        "nigiri": {
            "load_ms": round(peer.load_ms, 1),
            "rss_mb": round(rss_mb() - peer.base_mb, 1),
            "overlay_ms": peer.overlay_ms and round(peer.overlay_ms, 2),
            **{key: middle(peer_rounds, key) for key in keys},
        },
        "kreisverkehr": {
            "load_ms": middle(our_rounds, "load_ms"),
            "rss_mb": middle(our_rounds, "rss_mb"),
            "overlay_ms": middle(our_rounds, "overlay_ms") if args.gtfs_rt else None,
            **{key: middle(our_rounds, key) for key in keys},
        },
        "equal_answers": len(queries) - len(different),
        "different": different[:5],
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
