"""The town that did nothing: it publishes, reads events, asks questions, and its second gateway connects."""

import contextlib
import datetime
import functools
import http.client
import json
import socket
import threading
import time

import mqtt
import product

RATE = 50
PROBE_EVERY_S = 0.5
NEVER_S = 60.0


def stamp(seconds):
    """RFC 3339 with microseconds."""
    at = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def quantile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


class Victim:
    """Publishes a change of one bay after the other at `RATE` messages/s while it is entered.

    Latency is counted from the instant at which a message was due, so a broker that makes its publisher wait does
    not look quick. A message has been seen when its state, or a newer one of its bay, has come as an event.
    """

    def __init__(self, instance):
        self.instance = instance
        self.due = {}
        self.seen = {}
        self.probes = {"driver": [], "planner": [], "newcomer": []}
        self._latest_seen = {}
        self._by_bay = {}
        self._end = threading.Event()
        self._watching = threading.Event()
        self.publisher = mqtt.Publisher(instance.mqtt, "victim-gateway", "victim", product.USERS["victim"])

    def __enter__(self):
        self.publisher.wait_connected()
        threading.Thread(target=self._watch, daemon=True).start()
        if not self._watching.wait(10):
            raise TimeoutError("no events come")
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._publish, *self._probes())
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self.publisher.close()

    def stop_publishing(self):
        self._end.set()

    def wait_seen(self, patience_s):
        """Waits until everything that was published has been seen, or patience is over."""
        until = time.time() + patience_s
        while time.time() < until and len(self.seen) < len(self.due):
            time.sleep(0.1)

    def latencies(self, begin, end):
        """Seconds, of what was due in that time; what was never seen counts as a minute."""
        return [
            self.seen[name] - due if name in self.seen else NEVER_S
            for name, due in self.due.items()
            if begin <= due < end
        ]

    def _publish(self):
        number, begun = 0, time.time()
        while not self._end.is_set():
            due = begun + number / RATE
            time.sleep(max(0, due - time.time()))
            bay = f"victim-{number % product.BAYS['victim']}"
            state = "occupied" if number // product.BAYS["victim"] % 2 else "vacant"
            name = (bay, stamp(due))
            self.due[name] = due
            self._by_bay.setdefault(bay, []).append(name)
            payload = json.dumps({"at": name[1], "state": state}).encode()
            self.publisher.publish(name, f"kv/1/victim/bay/{bay}", payload)
            number += 1

    def _watch(self):
        while not self._end.is_set():
            try:
                connection = http.client.HTTPConnection(*self.instance.http, timeout=30)
                connection.request("GET", "/v1/changes?municipality=victim&kind=bay")
                response = connection.getresponse()
                kind = ""
                for line in response:
                    if line.startswith(b"event:"):
                        kind = line[6:].strip()
                    elif line.startswith(b"data:"):
                        self._take(kind, json.loads(line[5:]))
            except (OSError, http.client.HTTPException, ValueError):
                time.sleep(0.1)

    def _take(self, kind, data):
        now = time.time()
        self._watching.set()
        for item in data.get("items", []) if kind == b"snapshot" else [data]:
            observed = item.get("observed_at")
            if not observed:
                continue
            at = datetime.datetime.fromisoformat(observed.replace("Z", "+00:00")).timestamp()
            waiting = self._by_bay.get(item["id"], [])
            while waiting and self.due[waiting[0]] <= at + 1e-5:
                self.seen[waiting.pop(0)] = now

    def longest(self, kind, begin, end):
        """Seconds that somebody else of this town had to wait."""
        return max((taken for at, taken in self.probes[kind] if begin <= at < end), default=0.0)

    def _probes(self):
        key = {"Authorization": f"Bearer {self.instance.key['victim']}"}
        year = "/v1/occupancy?municipality=victim&from=2026-01-01&to=2026-02-01&bucket=all"
        asked = {
            "driver": lambda: self._ask("/v1/bays?municipality=victim&limit=10", {}),
            "planner": lambda: self._ask(year, key),
            "newcomer": self._connect,
        }
        return [functools.partial(self._probe, kind, ask) for kind, ask in asked.items()]

    def _probe(self, kind, ask):
        while not self._end.wait(PROBE_EVERY_S):
            begun = time.time()
            try:
                ask()
                taken = time.time() - begun
            except (OSError, http.client.HTTPException):
                taken = NEVER_S
            self.probes[kind].append((begun, taken))

    def _ask(self, path, headers):
        connection = http.client.HTTPConnection(*self.instance.http, timeout=20)
        with contextlib.closing(connection):
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            response.read()
            if response.status != 200:
                raise ConnectionError(response.status)

    def _connect(self):
        """A second gateway of the town wants to be let in."""
        with socket.create_connection(self.instance.mqtt, timeout=20) as connection:
            name = f"victim-second-{len(self.probes['newcomer'])}"
            connection.sendall(mqtt.connect(name, "victim", product.USERS["victim"]))
            first, body = mqtt.read_packet(connection.makefile("rb"))
            if first != mqtt.CONNACK or body[1] != mqtt.ACCEPTED:
                raise ConnectionError("refused")
            connection.sendall(mqtt.DISCONNECT)
