#!/usr/bin/env python3
"""One flood against one instance. `run.py` starts it, bound to one core.

Floods send without waiting for answers wherever the protocol allows it, so that the same flood can be sent to a port
that discards everything. The last line of output is JSON: what was sent, and how often the other side refused
(closed a connection, or would not open one).
"""

import argparse
import itertools
import json
import random
import socket
import time

import mqtt
import product
import victim
from flooding import COUNT, Target, hello, keep_open, keep_unread, opened, send_all, together

FLOODS = {}


def flood(function):
    """Registers a flood by its name; its docstring is what the report shows."""
    FLOODS[function.__name__.replace("_", "-")] = function
    return function


def packet_ids():
    return itertools.cycle(range(1, 65536))


def observations(town, ids, batch):
    """Valid single observations, each of another time, `batch` of them in each chunk."""
    bays = itertools.cycle(range(product.BAYS[town]))
    for number in itertools.count():
        prefix = victim.stamp(time.time())[:-7]
        state = "vacant" if number % 2 else "occupied"
        yield batch, b"".join(
            mqtt.publish(
                f"kv/1/{town}/bay/{town}-{next(bays)}",
                b'{"at":"%s%06dZ","state":"%s"}' % (prefix.encode(), random.randrange(10**6), state.encode()),
                next(ids),
            )
            for _ in range(batch)
        )


@flood
def passwords(target):
    """60 connections guessing the password of a user whose password is hashed"""

    def guess():
        while target.is_on:
            connection = opened(target.mqtt)
            if connection is None:
                continue
            with connection:
                try:
                    connection.settimeout(1)
                    connection.sendall(hello(None, product.HASHED_USER, f"guess{random.random()}"))
                    COUNT["sent"] += 1
                    if connection.recv(4):
                        COUNT["answered"] += 1
                except OSError:
                    COUNT["unanswered"] += 1

    together(60, guess)


@flood
def large_connects(target):
    """60 CONNECTs of 15 MB, held one byte before their end"""
    password = b"x" * 65000
    wanted = 15_000_000
    begin = mqtt.connect("big", "nobody", password)
    body = begin[4:] + b"\0" * (wanted - len(begin) + 4)
    data = b"\x10" + mqtt.length(len(body)) + body[:-1]

    def send():
        while target.is_on:
            connection = opened(target.mqtt)
            if connection is None:
                continue
            with connection:
                try:
                    connection.settimeout(max(0.1, target.until - time.time()))
                    connection.sendall(data)
                    COUNT["sent"] += 1
                    connection.recv(1)
                    COUNT["refused"] += 1
                except TimeoutError:
                    return
                except OSError:
                    COUNT["refused"] += 1
                    time.sleep(0.02)

    together(60, send)


@flood
def idle_mqtt(target):
    """1,100 MQTT connections that say nothing"""
    keep_open(target.mqtt, target, 1100)


@flood
def half_connects(target):
    """1,100 MQTT connections that send a CONNECT byte by byte"""
    keep_open(target.mqtt, target, 1100, hello("half")[:5], b"x")


@flood
def idle_http(target):
    """1,100 HTTP connections that say nothing"""
    keep_open(target.http, target, 1100)


@flood
def half_requests(target):
    """1,100 HTTP requests whose headers never end"""
    keep_open(target.http, target, 1100, b"GET /v1/bays HTTP/1.1\r\nHost: kv\r\n", b"X-More: 1\r\n")


@flood
def bad_batches(target):
    """batches of 1 MiB with nothing but bad elements"""
    payload = b"[" + b",".join([b"0"] * 524_000) + b"]"
    ids = packet_ids()
    chunks = ((1, mqtt.publish("kv/1/attacker/batch", payload, next(ids))) for _ in itertools.count())
    send_all(target.mqtt, target, hello, chunks)


@flood
def one_bad_element(target):
    """batches of 1 MiB with one bad element each"""
    ids = packet_ids()

    def chunks():
        while True:
            prefix = victim.stamp(time.time())[:-7]
            elements = [
                '{"topic":"bay/attacker-%d","at":"%s%06dZ","state":"vacant"}' % (i % 5000, prefix, i)
                for i in range(12_000)
            ]
            elements[6000] = '{"topic":"bay/attacker-1","at":"yesterday","state":"vacant"}'
            payload = ("[" + ",".join(elements) + "]").encode()
            yield 1, mqtt.publish("kv/1/attacker/batch", payload, next(ids))

    send_all(target.mqtt, target, hello, chunks())


@flood
def garbage(target):
    """64 KB of garbage a message, at full rate"""
    ids = packet_ids()
    payload = random.randbytes(64_000)
    chunks = (
        (1, mqtt.publish(f"kv/1/attacker/bay/x{number}", payload, next(ids))) for number in itertools.count()
    )
    send_all(target.mqtt, target, hello, chunks)


@flood
def valid(target):
    """valid messages at full rate"""
    send_all(target.mqtt, target, hello, observations("attacker", packet_ids(), 500))


@flood
def frozen_database(target):
    """valid messages at full rate, while the database stands still for 10 s"""
    valid(target)


@flood
def qos_2(target):
    """10 connections with QoS 2 messages of 60 KB that are never released"""

    def send():
        ids = packet_ids()
        payload = bytes(60_000)
        chunks = (
            (1, mqtt.publish("kv/1/attacker/bay/x", payload, next(ids), qos=2)) for _ in itertools.count()
        )
        send_all(target.mqtt, target, hello, chunks)

    together(10, send)


def send_to_subscribers(target):
    """Messages of 16 KB for whoever has subscribed, without end."""
    ids = packet_ids()
    payload = random.randbytes(16_000)
    chunks = ((1, mqtt.publish("kv/1/attacker/bay/x", payload, next(ids))) for _ in itertools.count())
    send_all(target.mqtt, target, hello, chunks)


@flood
def away_sessions(target):
    """1,000 sessions that subscribe and leave, then messages of 16 KB for all of them"""
    for number in range(1000):
        if not target.is_on:
            return
        connection = opened(target.mqtt)
        if connection is None:
            continue
        with connection:
            try:
                connection.settimeout(1)
                first = hello(f"away-{number}", clean=False)
                connection.sendall(first + mqtt.subscribe("kv/1/attacker/#") + mqtt.DISCONNECT)
                COUNT["sessions"] += bool(connection.recv(64))
            except OSError:
                COUNT["unanswered"] += 1
            if COUNT["unanswered"] > 10 and not COUNT["sessions"]:
                break
    send_to_subscribers(target)


@flood
def deaf_subscribers(target):
    """50 subscribers that never read, and messages of 16 KB for all of them"""
    held = []
    for _ in range(50):
        connection = opened(target.mqtt)
        if connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(hello() + mqtt.subscribe("kv/1/attacker/#"))
            held.append(connection)
    send_to_subscribers(target)


@flood
def subscriptions(target):
    """one client that subscribes to ever more filters of 200 bytes"""
    ids = packet_ids()
    chunks = (
        (100, b"".join(mqtt.subscribe(f"kv/1/attacker/{number:0185}/{i}", next(ids)) for i in range(100)))
        for number in itertools.count()
    )
    send_all(target.mqtt, target, lambda: hello("many", clean=False), chunks)


@flood
def retained(target):
    """30,000 retained messages of 4 KB, again and again"""
    ids = packet_ids()
    payload = random.randbytes(4_000)
    chunks = (
        (1, mqtt.publish(f"kv/1/attacker/bay/r{number % 30_000}", payload, next(ids), retain=True))
        for number in itertools.count()
    )
    send_all(target.mqtt, target, hello, chunks)


@flood
def unread_streams(target):
    """1,000 event streams that are never read"""
    request = b"GET /v1/changes HTTP/1.1\r\nHost: kv\r\n\r\n"
    held = []
    while target.is_on:
        while len(held) < 1000 and target.is_on:
            connection = opened(target.http, 1.0)
            if connection is None:
                break
            try:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                connection.sendall(request)
                held.append(connection)
            except OSError:
                COUNT["refused"] += 1
        COUNT["held"] = len(held)
        time.sleep(0.2)


@flood
def unread_exports(target):
    """30 planners' exports that are never read"""
    query = "municipality=attacker&from=2024-01-01&to=2026-11-01&bucket=15m&group_by=bay&format=csv"
    request = f"GET /v1/occupancy?{query} HTTP/1.1\r\nHost: kv\r\nAuthorization: Bearer {target.key}\r\n\r\n"
    keep_unread(target, 30, request.encode())


@flood
def keys(target):
    """guesses of API keys at full rate, 8 connections"""

    def requests():
        while True:
            yield 20, b"".join(
                b"GET /v1/sensors HTTP/1.1\r\nHost: kv\r\nAuthorization: Bearer %064x\r\n\r\n"
                % random.getrandbits(256)
                for _ in range(20)
            )

    together(8, lambda: send_all(target.http, target, b"", requests()))


@flood
def client_ids(target):
    """connections by client ids of others: the product's, the victim's"""
    wanted = itertools.cycle(target.client_ids or ["nobody"])
    while target.is_on:
        connection = opened(target.mqtt)
        if connection is None:
            continue
        with connection:
            try:
                connection.settimeout(0.5)
                connection.sendall(hello(next(wanted), clean=False))
                COUNT["sent"] += 1
                answer = connection.recv(4)
                COUNT["let in" if answer == b"\x20\x02\x00\x00" or answer[3:4] == b"\0" else "refused"] += 1
            except OSError:
                COUNT["unanswered"] += 1
        time.sleep(0.01)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("flood", choices=FLOODS)
    parser.add_argument("--mqtt", required=True, metavar="HOST:PORT")
    parser.add_argument("--http", required=True, metavar="HOST:PORT")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--key", default="", help="of a planner of the attacker's town")
    parser.add_argument("--client-id", action="append", help="whose sessions to take over")
    arguments = parser.parse_args()
    FLOODS[arguments.flood](Target(arguments))
    print(json.dumps(COUNT))


if __name__ == "__main__":
    main()
