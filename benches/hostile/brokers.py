#!/usr/bin/env python3
"""The embedded broker beside a private mosquitto: what each loses of what it acknowledged, and what it costs.

    brokers.py BINARY [--only PART]... [--broker embedded|mosquitto]...

Prints one line of JSON for each part and broker. The product reads from either broker; the private database is its
own. `lost` counts messages that the broker acknowledged to the publisher and that are not in the database 5 s after
the last one arrived there. Full disks need root (a tmpfs is mounted).
"""

import argparse
import contextlib
import json
import os
import pathlib
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import mqtt
import product
import victim

TICKS = os.sysconf("SC_CLK_TCK")
PARTS = {}


def part(function):
    PARTS[function.__name__.replace("_", "-")] = function
    return function


class Load:
    """Numbered observations of the attacker's town at a rate; `None` is as fast as the broker takes them."""

    def __init__(self, instance, rate, padding=0):
        self.base = time.time() - 1800
        self.rate, self.padding, self.sent = rate, padding, 0
        self.acknowledged = {}
        self.sent_at = {}
        self._by_packet_id = {}
        self.connection = socket.create_connection(instance.mqtt)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        user = ("attacker", product.USERS["attacker"])
        self.connection.sendall(mqtt.connect(f"load-{random.getrandbits(40):x}", *user))
        self.stream = self.connection.makefile("rb")
        first, body = mqtt.read_packet(self.stream)
        assert first == mqtt.CONNACK and body[1] == mqtt.ACCEPTED, "not let in"
        threading.Thread(target=self._read, daemon=True).start()

    def message(self, number):
        at = victim.stamp(self.base + number / 1000)
        payload = json.dumps({"at": at, "state": "vacant", "x": "x" * self.padding}).encode()
        topic = f"kv/1/attacker/bay/attacker-{number % product.BAYS['attacker']}"
        packet_id = number % 65535 + 1
        self._by_packet_id[packet_id] = number
        return mqtt.publish(topic, payload, packet_id)

    def run(self, seconds=None, count=None, patience_s=60):
        """Sends for some seconds or so many messages; returns earlier when the broker makes it wait for long."""
        begun = time.time()
        self.connection.settimeout(patience_s)
        with contextlib.suppress(OSError):
            while (seconds is None or time.time() - begun < seconds) and (count is None or self.sent < count):
                due = int((time.time() - begun) * self.rate) if self.rate else self.sent + 200
                due = min(due, count or due)
                data = b"".join(self.message(number) for number in range(self.sent, due))
                self.sent_at.update(dict.fromkeys(range(self.sent, due), time.time()))
                self.connection.sendall(data)
                self.sent = due
                # Packet ids come round after 65,535 messages.
                while self.sent - len(self.acknowledged) > 60_000:
                    time.sleep(0.01)
                    if time.time() - begun > (seconds or patience_s):
                        return
                if self.rate:
                    time.sleep(0.005)

    def wait_acknowledged(self, patience_s=10):
        until = time.time() + patience_s
        while len(self.acknowledged) < self.sent and time.time() < until:
            time.sleep(0.05)

    def stored(self, instance, patience_s=30):
        """Numbers of those that are in the database, when no more come for 5 s."""
        before, since, until = -1, time.time(), time.time() + patience_s
        while time.time() < until and time.time() - since < 5:
            count = int(
                instance.query("SELECT count(*) FROM v_bay_observation WHERE municipality = 'attacker'")
            )
            if count != before:
                before, since = count, time.time()
            time.sleep(0.5)
        rows = instance.query(
            f"SELECT round((extract(epoch FROM observed_at) - {self.base:.6f}) * 1000)::bigint "
            "FROM v_bay_observation WHERE municipality = 'attacker'"
        )
        return set(map(int, rows.split()))

    def _read(self):
        with contextlib.suppress(OSError, ConnectionError, ValueError):
            while True:
                first, body = mqtt.read_packet(self.stream)
                if first == mqtt.PUBACK:
                    packet_id = struct.unpack(">H", body[:2])[0]
                    self.acknowledged[self._by_packet_id[packet_id]] = time.time()


def lost(load, instance, patience_s=30):
    acknowledged = set(load.acknowledged)
    stored = load.stored(instance, patience_s)
    return {
        "sent": load.sent,
        "acknowledged": len(acknowledged),
        "stored": len(stored),
        "lost": len(acknowledged - stored),
    }


def cpu_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def processes(instance):
    return [instance.process.pid] + ([instance.mosquitto.process.pid] if instance.mosquitto else [])


def rates(instance_of, rate):
    """CPU, memory and time to the PUBACK at a steady rate."""
    with instance_of() as instance, product.MemoryWatch(instance) as memory:
        time.sleep(1)
        load = Load(instance, rate)
        before = [cpu_s(pid) for pid in processes(instance)]
        load.run(seconds=15)
        load.wait_acknowledged()
        used = [after - b for after, b in zip(map(cpu_s, processes(instance)), before)]
        waits = [load.acknowledged[n] - load.sent_at[n] for n in load.acknowledged if n in load.sent_at]
        return {
            "rate": rate,
            **lost(load, instance),
            "cpu_us_per_message": [round(seconds / load.sent * 1e6, 1) for seconds in used],
            "puback_p50_ms": round(victim.quantile(waits, 0.5) * 1000, 1),
            "puback_p99_ms": round(victim.quantile(waits, 0.99) * 1000, 1),
            "highest_mib": round(memory.highest),
        }


@part
def rate_2000(instance_of):
    return rates(instance_of, 2000)


@part
def rate_10000(instance_of):
    return rates(instance_of, 10_000)


@part
def frozen(instance_of):
    """The database stands still for 30 s under messages of 4 KB at full rate: who is held back, what is dropped?"""
    with instance_of() as instance, product.MemoryWatch(instance) as memory:
        time.sleep(1)
        load = Load(instance, None, padding=4000)
        instance.freeze_database()
        threading.Timer(30, instance.thaw_database).start()
        load.run(seconds=30, count=300_000)
        while_frozen = len(load.acknowledged)
        time.sleep(3)
        load.wait_acknowledged(30)
        return {
            "acknowledged_while_frozen": while_frozen,
            **lost(load, instance, 90),
            "highest_mib": round(memory.highest),
        }


@part
def away(instance_of):
    """The product is away, and 150,000 small messages come"""
    with instance_of() as instance, product.MemoryWatch(instance) as memory:
        time.sleep(1)
        load = Load(instance, None)
        if not instance.mosquitto:
            return {"sent": 0, "note": "the broker is the product: publishers are held back"}
        instance.kill()
        load.run(count=150_000)
        load.wait_acknowledged()
        instance.start()
        return {**lost(load, instance, 90), "highest_mib": round(memory.highest)}


def kills(instance_of, rate, is_broker):
    total = {"rate": rate, "killed": "broker" if is_broker else "product", "rounds": 0}
    for _ in range(3):
        with instance_of() as instance:
            time.sleep(1)
            load = Load(instance, rate)
            runner = threading.Thread(target=load.run, kwargs={"seconds": 6}, daemon=True)
            runner.start()
            time.sleep(3 + random.random() * 2)
            if is_broker and instance.mosquitto:
                instance.mosquitto.kill()
                runner.join(10)
                time.sleep(0.5)
                instance.mosquitto.start()
            else:
                instance.kill()
                if not instance.mosquitto:
                    runner.join(10)
                time.sleep(0.5)
                instance.start()
                runner.join(10)
            for name, value in lost(load, instance, 60).items():
                total[name] = total.get(name, 0) + value
            total["rounds"] += 1
    return total


@part
def kill_broker_200(instance_of):
    return kills(instance_of, 200, True)


@part
def kill_broker_2000(instance_of):
    return kills(instance_of, 2000, True)


@part
def kill_product_2000(instance_of):
    return kills(instance_of, 2000, False)


@part
def kill_behind(instance_of):
    """The database stands still for 3 s at 2,000 messages/s, and the broker is killed"""
    return behind(instance_of, lambda instance: [instance.mosquitto or instance])


@part
def kill_all_behind(instance_of):
    """The same, and the product is killed as well: what a machine that stops does, but for what it had not written back"""
    return behind(instance_of, lambda instance: list(filter(None, [instance.mosquitto, instance])))


def behind(instance_of, victims_of):
    total = {"rounds": 3}
    for _ in range(3):
        with instance_of() as instance:
            time.sleep(1)
            load = Load(instance, 2000)
            instance.freeze_database()
            load.run(seconds=3)
            for process in victims_of(instance):
                process.kill()
            instance.thaw_database()
            time.sleep(0.5)
            for process in victims_of(instance):
                process.start()
            for name, value in lost(load, instance, 60).items():
                total[name] = total.get(name, 0) + value
    return total


@part
def full_disk(instance_of):
    """2 MB of disk for the broker, the database 20 s behind at 2,000 messages/s, then the broker is killed"""
    with instance_of() as instance:
        time.sleep(1)
        folder = instance.mosquitto.directory if instance.mosquitto else instance.data / "mqtt"
        files = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        # As if the disk had become full while it ran: same path, next to no room.
        broker = instance.mosquitto or instance
        broker.stop()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=755", "tmpfs", folder], check=True)
        try:
            for path, data in files.items():
                path.write_bytes(data)
            broker.start()
            time.sleep(3)
            load = Load(instance, 2000)
            instance.freeze_database()
            load.run(seconds=20)
            acknowledged = len(load.acknowledged)
            used = os.statvfs(folder)
            broker.kill()
            instance.thaw_database()
            broker.start()
            free_kib = used.f_bavail * used.f_bsize // 1024
            return {"acknowledged_while_full": acknowledged, "free_kib": free_kib, **lost(load, instance, 60)}
        finally:
            broker.kill()
            subprocess.run(["umount", "-l", folder], check=False)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("--only", action="append", choices=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--broker", action="append", choices=["embedded", "mosquitto"])
    arguments = parser.parse_args()
    # So that what was started is stopped too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    for name in arguments.only or PARTS:
        for broker in arguments.broker or ["embedded", "mosquitto"]:

            @contextlib.contextmanager
            def instance_of(broker=broker):
                instance = product.Product(arguments.binary.resolve(), broker)
                try:
                    yield instance
                finally:
                    instance.remove()

            print(json.dumps({"part": name, "broker": broker, **PARTS[name](instance_of)}), flush=True)


if __name__ == "__main__":
    main()
