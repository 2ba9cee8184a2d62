#!/usr/bin/env python3
"""Hours of the sample county with every fault that the simulator knows, against the embedded broker.

    benches/soak.py target/demo/kreisverkehr --hours 2

Prints JSON: messages per second, memory by the quarter of an hour and its slope, what was sent and is neither stored nor
rejected with a reason, what is stored more than once, and whether the derived tables equal those that are derived from nothing.
Exits with 1 unless nothing was lost or duplicated and both derivations are equal. TimescaleDB is used where it is installed.
"""

import argparse
import collections
import contextlib
import datetime
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

FAULTS = {
    "loss": 0.02, "double": 0.05, "reorder": 0.05, "delay-s": 5, "wrong-clock": 0.05, "stuck": 0.05,
    "flapping": 0.05, "dead": 0.05, "low-battery": 0.05, "restamp": 0.05, "device-swap": 0.02,
}
SAMPLE_S = 10
# What is observed, by the kind that the simulator gives it: table, place's or vehicle's table, its column, which of its rows.
STORED = {
    "bay": ("bay_observation", "place", "bay", "true"),
    "site": ("site_count", "place", "site", "true"),
    # A trip's delay without a position is a row as well, and no position that the simulator states.
    "vehicle": ("vehicle_position", "vehicle", "vehicle", "o.lat IS NOT NULL"),
    "passengers": ("passenger_count", "vehicle", "vehicle", "true"),
}
DERIVED = {
    "bay_interval": "SELECT bay, from_utc, until_utc, last_at, state FROM bay_interval",
    "site_interval": "SELECT site, audience, from_utc, until_utc, occupied, capacity, is_closed, is_anchored, entries, exits"
    " FROM site_interval",
    "occupancy_hour": "SELECT s.kind, s.site, s.zone, s.audience, s.basis, h.municipality, h.hour, h.occupied_us, h.observed_us,"
    " h.closed_us, h.arrivals, h.departures, md5(h.detail)"
    " FROM occupancy_hour h JOIN occupancy_scope s ON s.id = h.scope WHERE h.hour < '{hours_until}'",
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def rss_mib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


def micros(text):
    """RFC 3339 in UTC with up to six digits of a second, as microseconds."""
    seconds, _, fraction = text.rstrip("Z").partition(".")
    at = datetime.datetime.fromisoformat(seconds).replace(tzinfo=datetime.timezone.utc)
    return int(at.timestamp()) * 1_000_000 + int((fraction + "000000")[:6])


class Product:
    def __init__(self, binary, directory):
        self.binary, self.directory, self.data = binary, directory, directory / "data"
        self.http, self.mqtt = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        self.start()

    def start(self):
        command = [self.binary, "serve", "--data-dir", self.data, "--http", self.http, "--mqtt-listen", self.mqtt]
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        self.ready = json.loads(self.process.stdout.readline())

    def stop(self):
        self.process.terminate()
        if self.process.wait(60) != 0:
            raise RuntimeError("the product did not stop in order: see " + str(self.directory / "log"))

    def run(self, *arguments):
        subprocess.run([self.binary, *arguments], check=True, stdout=subprocess.DEVNULL)

    def metrics(self):
        """Sums over all labels, by name; rejections also by reason."""
        with urllib.request.urlopen(f"http://{self.http}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        sums = collections.Counter()
        for line in text.splitlines():
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                sums[name.split("{")[0]] += float(value)
                if reason := re.search(r'reason="([^"]+)"', name):
                    sums[name.split("{")[0], reason[1]] += float(value)
        return sums

    def query(self, sql):
        """Rows as lists of text."""
        host = urllib.parse.parse_qs(urllib.parse.urlsplit(self.ready["database_url"]).query)["host"][0]
        command = ["psql", "-XAtq", "-F", "\t", "-h", host, "-U", "kreisverkehr", "kreisverkehr", "-c", sql]
        environment = dict(os.environ, PGOPTIONS="-c statement_timeout=0")
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        for line in process.stdout:
            yield line.rstrip("\n").split("\t")
        if process.wait() != 0:
            raise RuntimeError("psql failed: " + sql)

    def value(self, sql):
        return next(iter(self.query(sql)))[0]

    def settle(self):
        """Waits until all that was stored is derived."""
        pending = (
            "SELECT (SELECT count(*) FROM derive_wanted) + (SELECT count(*) FROM derive_again)"
            " + (SELECT count(*) FROM derive_state WHERE again)"
            " + (SELECT count(*) FROM change c LEFT JOIN derive_position p USING (writer) WHERE c.seq > coalesce(p.seq, 0))"
        )
        idle = 0
        while idle < 3:
            time.sleep(1)
            idle = idle + 1 if self.value(pending) == "0" else 0

    def derived(self, hours_until):
        """A digest of each derived table; of the hours before that."""
        digest = "count(*) || ' rows, digest ' || coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)"
        tables = {name: sql.format(hours_until=hours_until) for name, sql in DERIVED.items()}
        return {name: self.value(f"SELECT {digest} FROM ({sql}) t") for name, sql in tables.items()}


def simulate(product, truth, hours, speed):
    """Runs the simulator; memory samples as (seconds, MiB)."""
    faults = [f"--{name}={value}" for name, value in FAULTS.items()]
    command = [product.binary, "simulate", "--mqtt-url", f"mqtt://{product.mqtt}", "--clock", "now"]
    command += ["--speed", str(speed), "--duration-s", str(hours * 3600), "--truth", truth, *faults]
    samples, began = [], time.monotonic()
    with open(product.directory / "simulate.log", "wb") as log:
        simulator = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        while True:
            samples.append((time.monotonic() - began, rss_mib(product.process.pid)))
            with contextlib.suppress(subprocess.TimeoutExpired):
                simulator.wait(SAMPLE_S)
                break
            if len(samples) % 60 == 0:
                print(f"{samples[-1][0]:.0f} s, {samples[-1][1]:.0f} MiB", file=sys.stderr, flush=True)
    summary = dict(re.findall(r"(\w+): (\d+)", simulator.stdout.read()))
    return {name: int(value) for name, value in summary.items()}, samples


def slope(samples):
    """Least squares, MiB per hour."""
    n = len(samples)
    mean_t, mean_m = sum(t for t, _ in samples) / n, sum(m for _, m in samples) / n
    above = sum((t - mean_t) * (m - mean_m) for t, m in samples)
    return above / sum((t - mean_t) ** 2 for t, _ in samples) * 3600


class Statements:
    """What was given to the connection: of each kind, (id, microseconds) to the devices that stated it."""

    def __init__(self, truth):
        self.messages = 0
        self.by_kind = {kind: {} for kind in STORED}
        self.wrong_clocks = set()
        with open(truth) as lines:
            for line in lines:
                if line.startswith('{"what":"sent"'):
                    self._sent(json.loads(line))
                elif line.startswith('{"what":"fault"') and '"wrong_clock"' in line:
                    fault = json.loads(line)
                    self.wrong_clocks.add((fault["kind"], fault["id"]))

    def _sent(self, message):
        if message["sent"] is None:
            return
        self.messages += 1
        for says in message["says"]:
            if says["kind"] in self.by_kind:
                self.by_kind[says["kind"]][says["id"], micros(says["at"])] = says.get("sensor")

    def has_wrong_clock(self, kind, identifier):
        return ("vehicle" if kind == "passengers" else kind, identifier) in self.wrong_clocks


def compare(product, statements):
    """Statements by right clocks one by one; those by wrong clocks are counted."""
    sql = "SELECT device, (extract(epoch FROM network_at) * 1000000)::bigint FROM uplink WHERE outcome LIKE 'rejected:%'"
    rejected_uplinks = {(device, int(at)) for device, at in product.query(sql)}
    result = {}
    for kind, (table, places, column, condition) in STORED.items():
        stored, rows = set(), 0
        sql = (
            f"SELECT p.key, (extract(epoch FROM o.observed_at) * 1000000)::bigint FROM {table} o"
            f" JOIN {places} p ON p.id = o.{column} WHERE {condition}"
        )
        for key, at in product.query(sql):
            stored.add((key, int(at)))
            rows += 1
        stated = statements.by_kind[kind]
        by_right = {key: device for key, device in stated.items() if not statements.has_wrong_clock(kind, key[0])}
        missing = [(key, device) for key, device in by_right.items() if key not in stored]
        lost = [key for key, device in missing if (device, key[1]) not in rejected_uplinks]
        foreign = [key for key in stored - stated.keys() if not statements.has_wrong_clock(kind, key[0])]
        # A copy is the same in all but the times of its receipt.
        columns = (
            "SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute WHERE attrelid = '{}'::regclass AND attnum > 0"
            " AND NOT attisdropped AND attname NOT IN ('digest', 'received_at', 'stored_at')"
        )
        content = f"hash_record_extended(ROW({product.value(columns.format(table))}), 0)"
        twice = f"SELECT count(*) - count(DISTINCT {content}) FROM {table}"
        result[kind] = {
            "rows": rows,
            "stated": len(by_right),
            "lost": len(lost),
            "rejected_with_a_reason": len(missing) - len(lost),
            "stored_twice": int(product.value(twice)),
            "not_stated": len(foreign),
            "stated_by_wrong_clocks": len(stated) - len(by_right),
            "examples": (lost + foreign)[:5],
        }
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--speed", type=float, default=400.0, help="how much faster than real the county lives")
    parser.add_argument("--keep", action="store_true", help="leave data directory and truth behind")
    args = parser.parse_args()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="kv-soak-"))
    directory.chmod(0o755)
    places, truth = directory / "places", directory / "truth.jsonl"
    product = Product(args.binary.resolve(), directory)
    try:
        product.run("simulate", "--write-places", places)
        product.run("import", places, "--data-dir", product.data)
        summary, samples = simulate(product, truth, args.hours, args.speed)
        product.settle()
        metrics = product.metrics()
        hours_until = product.value("SELECT hours_until FROM derive_state")
        kept = product.derived(hours_until)
        stated = Statements(truth)
        statements = compare(product, stated)
        # Everything is derived again, from nothing.
        for table in ("bay_interval", "site_interval", "occupancy_hour"):
            list(product.query(f"DELETE FROM {table}"))
        list(product.query("UPDATE derive_state SET again = true"))
        product.settle()
        again = product.derived(hours_until)
        later = [s for s in samples if s[0] > samples[-1][0] / 4]
        quarters = [samples[i * len(samples) // 8][1] for i in range(8)] + [samples[-1][1]]
        report = {
            "hours": args.hours,
            "messages": stated.messages,
            "messages_per_s": round(stated.messages / (args.hours * 3600)),
            "simulator": summary,
            "received": metrics["kv_ingest_messages_total"],
            "stored": metrics["kv_ingest_observations_stored_total"],
            "rejected": {key[1]: value for key, value in metrics.items() if key[0] == "kv_ingest_rejected_total"},
            "memory_mib": {"eighths": [round(m) for m in quarters], "highest": round(max(m for _, m in samples))},
            "memory_slope_mib_per_h": {"all": round(slope(samples), 2), "after_first_quarter": round(slope(later), 2)},
            "statements": statements,
            "derived": kept,
            "derived_again": again,
        }
        print(json.dumps(report, indent=2))
        is_good = kept == again and metrics["kv_ingest_messages_total"] >= summary["acknowledged"]
        is_good &= all(not (s["lost"] or s["stored_twice"] or s["not_stated"]) for s in statements.values())
        sys.exit(0 if is_good else 1)
    finally:
        with contextlib.suppress(Exception):
            product.stop()
        if not args.keep:
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
