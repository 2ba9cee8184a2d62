#!/usr/bin/env python3
"""What a flood does to a town that has no part in it.

    run.py BINARY [--only ROW]... [--runs 3] [--broker embedded|mosquitto]

Starts a fresh instance with two towns for each run. The victim's gateway publishes 50 messages/s as a user of its own,
and a reader sees them as events of `/v1/changes`; the other town's gateway, or a stranger, floods. Latency counts from
the instant at which a message was due to the one at which its event has come. In the control the same flood goes
to a port that discards everything: what it costs to share the machine with the flooder. Figures are medians over the runs.

A row fails when the victim's 99th percentile is above twice the control's and 100 ms, when something that was
acknowledged to the victim is not seen, when a driver, a planner or a second gateway of its town waits a second longer
than twice the control's (60 s: refused), or when memory grows by more than `--memory` MiB. A flood that is refused is
no failure.

Linux, PostgreSQL, and nothing else beside Python; mosquitto for `--broker mosquitto`. Runs as root or as a user.
"""

import argparse
import contextlib
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import threading
import time

import floods
import product
import victim

WHO = {"driver_s": "driver", "planner_s": "planner", "newcomer_s": "new gateway"}
HERE = pathlib.Path(__file__).parent
WARM_UP_S = 2
FREEZE_AFTER_S, FREEZE_S = 3, 10
RECOVERY_S = 5
SEEN_WITHIN_S = 30

DISCARD = """
import asyncio
async def take(reader, writer):
    while await reader.read(1 << 18):
        pass
    writer.close()
async def main():
    server = await asyncio.start_server(take, "127.0.0.1", PORT, limit=1 << 18, backlog=2048)
    await server.serve_forever()
asyncio.run(main())
"""


@contextlib.contextmanager
def discarding(core):
    """A port that discards everything, on the flooder's own core."""
    port = product.free_port()
    command = ["taskset", "-c", str(core), sys.executable, "-c", DISCARD.replace("PORT", str(port))]
    process = subprocess.Popen(command)
    time.sleep(1)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def start_flood(name, instance, discard_at, arguments):
    mqtt_at, http_at = ("{}:{}".format(*where) for where in (instance.mqtt, instance.http))
    command = ["taskset", "-c", str(arguments.core), sys.executable, HERE / "floods.py", name]
    command += ["--mqtt", discard_at or mqtt_at, "--http", discard_at or http_at]
    command += ["--seconds", str(arguments.seconds), "--key", instance.key["attacker"]]
    for client_id in (instance.client_id, "victim-gateway"):
        command += ["--client-id", client_id]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def freeze(instance):
    time.sleep(FREEZE_AFTER_S)
    instance.freeze_database()
    time.sleep(FREEZE_S)
    instance.thaw_database()


def one_run(name, is_control, arguments):
    instance = product.Product(arguments.binary, arguments.broker)
    try:
        with contextlib.ExitStack() as stack:
            discard_at = stack.enter_context(discarding(arguments.core)) if is_control else None
            good = stack.enter_context(victim.Victim(instance))
            time.sleep(WARM_UP_S)
            before = instance.memory_mib()
            memory = stack.enter_context(product.MemoryWatch(instance))
            begin = time.time()
            flooder = start_flood(name, instance, discard_at, arguments)
            if name == "frozen-database":
                threading.Thread(target=freeze, args=(instance,), daemon=True).start()
            try:
                said, wrong = flooder.communicate(timeout=arguments.seconds * 3 + 30)
            except subprocess.TimeoutExpired:
                flooder.kill()
                said, wrong = flooder.communicate()
            end = begin + arguments.seconds
            good.stop_publishing()
            good.wait_seen(SEEN_WITHIN_S)
            time.sleep(RECOVERY_S)
            late = good.latencies(begin, end)
            acknowledged = set(good.publisher.acknowledged)
            return {
                "p50_s": victim.quantile(late, 0.5),
                "p99_s": victim.quantile(late, 0.99),
                **{f"{kind}_s": good.longest(kind, begin, end) for kind in good.probes},
                "published": len(late),
                "unacknowledged": len(good.due.keys() - acknowledged),
                "unseen": len((acknowledged & good.due.keys()) - good.seen.keys()),
                "connections": good.publisher.connections,
                "before_mib": before,
                "highest_mib": memory.highest,
                "after_mib": instance.memory_mib(),
                "alive": instance.is_alive(),
                "files_mib": disk_mib(instance),
                "flood": json.loads(said.splitlines()[-1]) if said.strip() else {"error": wrong[-300:]},
            }
    finally:
        instance.remove()


def disk_mib(instance):
    places = {"broker": instance.data / "mqtt", "database": instance.data / "postgres"}
    if instance.mosquitto:
        places["broker"] = instance.mosquitto.directory
    return {name: round(size_mib(path)) for name, path in places.items()}


def size_mib(path):
    total = 0
    for folder, _, files in os.walk(path):
        for file in files:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(folder, file)).st_size
    return total / 2**20


def median(runs, name):
    return statistics.median(run[name] for run in runs)


def verdict(control, flooded, arguments):
    limit = 2 * median(control, "p99_s") + 0.1
    faults = []
    if median(flooded, "p99_s") > limit:
        faults.append("late")
    if any(run["unseen"] > max(other["unseen"] for other in control) for run in flooded):
        faults.append(f"acknowledged and not seen within {SEEN_WITHIN_S} s")
    for kind, who in WHO.items():
        if median(flooded, kind) > 2 * median(control, kind) + 1:
            faults.append(f"{who} waits")
    if median(flooded, "highest_mib") - median(flooded, "before_mib") > arguments.memory:
        faults.append("memory")
    if not all(run["alive"] for run in flooded):
        by_us = any(run["highest_mib"] > product.MemoryWatch.LIMIT_MIB for run in flooded)
        faults.append("ended by this bench for its memory" if by_us else "ended")
    return limit, ", ".join(faults) or "holds"


def row(name, control, flooded, arguments):
    limit, judged = verdict(control, flooded, arguments)
    memory = "/".join(f"{median(flooded, part):.0f}" for part in ("before_mib", "highest_mib", "after_mib"))
    seconds = (median(control, "p99_s"), median(flooded, "p99_s"), limit)
    return " | ".join(
        [f"| `{name}`: {floods.FLOODS[name].__doc__}", *(f"{value * 1000:,.0f} ms" for value in seconds)]
        + ["/".join(f"{median(flooded, kind):.1f}" for kind in WHO) + " s", f"{memory} MiB", judged + " |"]
    )


def report(name, runs, arguments):
    control, flooded = ([run for run in runs if run["control"] is wanted] for wanted in (True, False))
    if control and flooded:
        print(row(name, control, flooded, arguments), flush=True)


def measure(name, arguments):
    runs = []
    for _ in range(arguments.runs):
        for is_control in (True, False):
            runs.append({"row": name, "control": is_control, **one_run(name, is_control, arguments)})
            if arguments.raw:
                with open(arguments.raw, "a", encoding="utf-8") as raw:
                    raw.write(json.dumps(runs[-1]) + "\n")
    return runs


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument(
        "--only", action="append", choices=floods.FLOODS, metavar="ROW", help=", ".join(floods.FLOODS)
    )
    parser.add_argument("--broker", choices=["embedded", "mosquitto"], default="embedded")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--core", type=int, default=1, help="the flooder's (1)")
    parser.add_argument("--memory", type=int, default=256, metavar="MIB", help="how much it may grow (256)")
    parser.add_argument("--raw", type=pathlib.Path, help="append every run to this file, as JSON lines")
    parser.add_argument("--report", action="store_true", help="only print the table of what --raw holds")
    arguments = parser.parse_args()
    arguments.binary = arguments.binary.resolve()
    # So that what was started is stopped too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    kept = []
    if arguments.report:
        kept = [json.loads(line) for line in arguments.raw.read_text(encoding="utf-8").splitlines()]
    print(
        "| flood | victim p99, control | under flood | limit | longest wait of a driver/planner/new gateway "
        "| memory before/highest/after | verdict |\n|---|---|---|---|---|---|---|",
        flush=True,
    )
    for name in arguments.only or floods.FLOODS:
        runs = [run for run in kept if run["row"] == name] if arguments.report else measure(name, arguments)
        report(name, runs, arguments)


if __name__ == "__main__":
    main()
