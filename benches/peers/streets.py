#!/usr/bin/env python3
"""Street routes side by side with Valhalla: speed and durations, on the same extract and pairs.

Installs (once, into a virtual environment of its own, nothing else on the machine):

    python3 -m venv /tmp/peers
    /tmp/peers/bin/pip install pyvalhalla-weekly osmium

Build the program first (`cargo build --profile demo`), then:

    /tmp/peers/bin/python benches/peers/streets.py town.osm.pbf [more.osm.pbf ...]
        [--pairs 300] [--rounds 3] [--modes foot,bike,car,wheelchair] [--binary target/demo/kreisverkehr]

Valhalla's tiles are built from the extract in a temporary folder. Pairs are drawn (with a fixed seed)
from nodes of streets. Rounds alternate between the two programs, so that both meet the same load of
the machine. Valhalla is asked through its Python binding in the same process, without directions;
ours through `journey evaluate`, which times each query inside. Both include snapping.

Printed per extract and mode: median and p95 time of a query, how many times faster ours is (medians),
and the relative difference of durations: median and p95 of its absolute value, median with its sign.
"""

import argparse
import csv
import json
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


class StreetNodes(osmium.SimpleHandler):
    """Positions on streets that people may walk on."""

    def __init__(self):
        super().__init__()
        self.places = []

    def way(self, way):
        kind = way.tags.get("highway")
        if kind in (None, "motorway", "motorway_link", "construction", "proposed", "cycleway"):
            return
        if way.tags.get("access") in ("no", "private"):
            return
        self.places.extend((node.lat, node.lon) for node in way.nodes if node.location.valid())


def draw_pairs(extract, count, path):
    handler = StreetNodes()
    handler.apply_file(str(extract), locations=True)
    dice = random.Random(1)
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
    times, durations = [], []
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
        durations.append(json.loads(answer)["trip"]["summary"]["time"] if answer else None)
    return times, durations


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
        times, theirs = ask_valhalla(actor, pairs, mode)
        theirs_ms.append((at(times, 0.5), at(times, 0.95)))
        ours.append(ask_ours(args.binary, extract, pairs_file, mode))
    their_median, their_p95 = (statistics.median(column) for column in zip(*theirs_ms))
    our_median = statistics.median(report["median_ms"] for report in ours)
    our_p95 = statistics.median(report["p95_ms"] for report in ours)
    answers = ours[-1]["answers"]
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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("extracts", nargs="+")
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--modes", default=",".join(COSTING))
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
            draw_pairs(link, args.pairs, pairs_file)
            actor = build_tiles(link, folder)
            for mode in args.modes.split(","):
                compare(args, extract, mode, actor, pairs_file)


if __name__ == "__main__":
    main()
