#!/usr/bin/env python3
"""Street routes side by side with Valhalla: speed and durations, on the same extract and pairs.

Installs (once, into a virtual environment of its own, nothing else on the machine):

    python3 -m venv /tmp/peers
    /tmp/peers/bin/pip install pyvalhalla-weekly osmium

Build the program first (`cargo build --profile demo`), then:

    /tmp/peers/bin/python benches/peers/streets.py town.osm.pbf [more.osm.pbf ...]
        [--pairs 300] [--rounds 3] [--modes foot,bike,car,wheelchair] [--binary target/demo/kreisverkehr]
        [--places streets|any|box] [--cut-off 20]

Valhalla's tiles are built from the extract in a temporary folder. Pairs are drawn (with a fixed seed)
from nodes of streets, of ways of any kind (`any`), or anywhere in the box around them (`box`). Rounds
alternate between the two programs, so that both meet the same load of
the machine. Valhalla is asked through its Python binding in the same process, without directions;
ours through `journey evaluate`, which times each query inside. Both include snapping.

Printed per extract and mode: median and p95 time of a query, how many times faster ours is (medians),
and the relative difference of durations: median and p95 of its absolute value, median with its sign.
Then the pairs that only Valhalla finds a way for (as many as `--cut-off` says): where, why not, its
duration, and how many there are by reason; and the places whose street lies farther away than Valhalla's.
"""

import argparse
import collections
import csv
import json
import math
import os
import random
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import osmium
import valhalla

COSTING = {
    "foot": ("pedestrian", {}),
    "bike": ("bicycle", {}),
    "car": ("auto", {}),
    "wheelchair": ("pedestrian", {"pedestrian": {"type": "wheelchair"}}),
}
# Shorter ways differ by rounding and snapping only.
SHORTEST_S = 60
# Streets that begin so much farther from a place than Valhalla's are listed.
FARTHER_M = 50


class StreetNodes(osmium.SimpleHandler):
    """Positions on streets that people may walk on, or on ways of `any` kind."""

    def __init__(self, any_kind):
        super().__init__()
        self.any_kind = any_kind
        self.places = []

    def way(self, way):
        kind = way.tags.get("highway")
        if kind in (None, "construction", "proposed"):
            return
        if not self.any_kind:
            if kind in ("motorway", "motorway_link", "cycleway") or way.tags.get("access") in ("no", "private"):
                return
        self.places.extend((node.lat, node.lon) for node in way.nodes if node.location.valid())


def draw_pairs(extract, count, path, places):
    handler = StreetNodes(places != "streets")
    handler.apply_file(str(extract), locations=True)
    dice = random.Random(1)
    if places == "box":
        lats, lons = zip(*handler.places)
        handler.places = [
            (dice.uniform(min(lats), max(lats)), dice.uniform(min(lons), max(lons))) for _ in range(2 * count)
        ]
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["q", "from_lat", "from_lon", "to_lat", "to_lon"])
        for number in range(count):
            start, end = dice.choice(handler.places), dice.choice(handler.places)
            writer.writerow([number, *start, *end])


def build_tiles(extract, folder):
    (folder / "tiles").mkdir()
    config = valhalla.get_config(tile_extract="", tile_dir=str(folder / "tiles"), verbose=False)
    path = folder / "valhalla.json"
    path.write_text(json.dumps(config))
    builder = Path(valhalla.__file__).parent / "bin" / "valhalla_build_tiles"
    with open(folder / "build.log", "w") as log:
        subprocess.run([builder, "-c", path, extract.absolute()], check=True, stdout=log, stderr=log, cwd=folder)
    return valhalla.Actor(str(path))


def ask_valhalla(actor, pairs, mode):
    costing, options = COSTING[mode]
    times, trips = [], []
    for row in pairs:
        places = [{"lat": float(row[f"{end}_lat"]), "lon": float(row[f"{end}_lon"])} for end in ("from", "to")]
        query = {"locations": places, "costing": costing, "costing_options": options, "directions_type": "none"}
        query = json.dumps(query)
        begin = time.perf_counter()
        try:
            answer = actor.route(query)
        except Exception:  # no way: the binding has no class of its own for it
            answer = None
        times.append(1000 * (time.perf_counter() - begin))
        trips.append(json.loads(answer)["trip"] if answer else None)
    return times, trips


def ends_of(trip):
    """Where a trip begins and ends: the first and the last point of its shape (polyline, 1e-6 degrees)."""
    numbers, value, shift = [], 0, 0
    for letter in trip["legs"][0]["shape"]:
        bits = ord(letter) - 63
        value |= (bits & 31) << shift
        shift += 5
        if bits < 32:
            numbers.append(~(value >> 1) if value & 1 else value >> 1)
            value, shift = 0, 0
    first, last = numbers[:2], (sum(numbers[::2]), sum(numbers[1::2]))
    return [(lat / 1e6, lon / 1e6) for lat, lon in (first, last)]


def distance_m(a, b):
    east = math.radians(b[1] - a[1]) * math.cos(math.radians(a[0]))
    return 6_371_000 * math.hypot(math.radians(b[0] - a[0]), east)


def ask_ours(binary, extract, pairs_file, mode):
    command = [binary, "journey", "evaluate", "--streets", extract, "--pairs", pairs_file, "--mode", mode, "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def at(values, share):
    values = sorted(values)
    return values[round((len(values) - 1) * share)]


def compare(args, extract, mode, actor, pairs_file):
    with open(pairs_file) as file:
        pairs = list(csv.DictReader(file))
    theirs_ms, ours = [], []
    for _ in range(args.rounds):
        times, trips = ask_valhalla(actor, pairs, mode)
        theirs_ms.append((at(times, 0.5), at(times, 0.95)))
        ours.append(ask_ours(args.binary, extract, pairs_file, mode))
    their_median, their_p95 = (statistics.median(column) for column in zip(*theirs_ms))
    our_median = statistics.median(report["median_ms"] for report in ours)
    our_p95 = statistics.median(report["p95_ms"] for report in ours)
    answers = ours[-1]["answers"]
    theirs = [trip and trip["summary"]["time"] for trip in trips]
    both = [
        (answer["duration_s"] - duration) / duration
        for answer, duration in zip(answers, theirs)
        if answer["duration_s"] is not None and duration is not None and duration >= SHORTEST_S
    ]
    only_ours = sum(a["duration_s"] is not None and d is None for a, d in zip(answers, theirs))
    only_theirs = sum(a["duration_s"] is None and d is not None for a, d in zip(answers, theirs))
    absolute = [abs(difference) for difference in both]
    print(
        f"{Path(extract).name:28} {mode:10} valhalla {their_median:7.2f} / {their_p95:7.2f} ms   "
        f"ours {our_median:6.3f} / {our_p95:6.3f} ms   {their_median / our_median:5.1f} x   "
        f"duration off by {statistics.median(absolute):6.2%} / {at(absolute, 0.95):6.2%} "
        f"(signed {statistics.median(both):+.2%}, {len(both)} pairs)   "
        f"only ours {only_ours}, only valhalla {only_theirs}   load {ours[-1]['load_ms']:.0f} ms, "
        f"{ours[-1]['rss_mb'] or 0:.0f} MB",
        flush=True,
    )
    print_cut_off(answers, theirs, mode, args.cut_off)
    print_farther(answers, trips, mode, args.cut_off)


def print_cut_off(answers, theirs, mode, most):
    """The pairs that only Valhalla finds a way for."""
    cut_off = [(a, d) for a, d in zip(answers, theirs) if a["duration_s"] is None and d is not None]
    for answer, duration in cut_off[:most]:
        places = " -> ".join("{:.7f},{:.7f}".format(*answer[end]) for end in ("from", "to"))
        print(f"    {mode:10} {places}  {answer['reason']}; valhalla {duration:.0f} s")
    for reason, count in collections.Counter(answer["reason"] for answer, _ in cut_off).most_common():
        print(f"    {mode:10} {count:4} of {len(answers)} pairs: {reason}", flush=True)


def print_farther(answers, trips, mode, most):
    """The places from which Valhalla's way begins (or ends) at a street much nearer than ours."""
    farther = set()
    for answer, trip in zip(answers, trips):
        if answer["gaps_m"] and trip:
            for end, ours_m, street in zip(("from", "to"), answer["gaps_m"], ends_of(trip)):
                theirs_m = distance_m(answer[end], street)
                if ours_m > theirs_m + FARTHER_M:
                    farther.add((*answer[end], round(ours_m), round(theirs_m)))
    for lat, lon, ours_m, theirs_m in sorted(farther, key=lambda place: place[3] - place[2])[:most]:
        print(f"    {mode:10} {lat:.7f},{lon:.7f}  our street is {ours_m} m away, valhalla's {theirs_m} m")
    if farther:
        print(f"    {mode:10} {len(farther):4} places have our street more than {FARTHER_M} m farther away", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("extracts", nargs="+")
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--modes", default=",".join(COSTING))
    parser.add_argument("--places", choices=("streets", "any", "box"), default="streets")
    parser.add_argument("--cut-off", type=int, default=20, help="pairs without a way of ours to print")
    parser.add_argument("--binary", default="target/demo/kreisverkehr")
    args = parser.parse_args()
    print("median / p95 of a query; durations: median / p95 of the relative difference")
    for extract in args.extracts:
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            pairs_file = folder / "pairs.csv"
            # Both programs go by the ending.
            link = folder / "extract.osm.pbf"
            os.symlink(Path(extract).resolve(), link)
            draw_pairs(link, args.pairs, pairs_file, args.places)
            actor = build_tiles(link, folder)
            for mode in args.modes.split(","):
                compare(args, extract, mode, actor, pairs_file)


if __name__ == "__main__":
    main()
