"""Just enough MQTT 3.1.1 for one good publisher and many bad ones.

Packets are bytes, so that they can be sent cut short, out of turn, or not at all.
"""

import collections
import socket
import struct
import threading
import time

CONNACK, PUBACK = 0x20, 0x40
ACCEPTED = 0


def string(text):
    data = text if isinstance(text, bytes) else text.encode()
    return struct.pack(">H", len(data)) + data


def length(number):
    """A remaining length: seven bits a byte, the least first."""
    out = bytearray()
    while True:
        number, byte = divmod(number, 128)
        out.append(byte | (0x80 if number else 0))
        if not number:
            return bytes(out)


def packet(first_byte, body):
    return bytes([first_byte]) + length(len(body)) + body


def connect(client_id, user=None, password=None, clean=True, keep_alive_s=60, will=None):
    """`will` is a topic and a payload."""
    flags = 2 if clean else 0
    body = string(client_id)
    if will is not None:
        flags |= 4
        body += string(will[0]) + string(will[1])
    if user is not None:
        flags |= 0x80
        body += string(user)
    if password is not None:
        flags |= 0x40
        body += string(password)
    return packet(0x10, string("MQTT") + bytes([4, flags]) + struct.pack(">H", keep_alive_s) + body)


def publish(topic, payload, packet_id=None, qos=1, retain=False):
    body = string(topic)
    if qos:
        body += struct.pack(">H", packet_id)
    return packet(0x30 | qos << 1 | retain, body + payload)


def subscribe(topic_filter, packet_id=1, qos=1):
    return packet(0x82, struct.pack(">H", packet_id) + string(topic_filter) + bytes([qos]))


def puback(packet_id):
    return packet(PUBACK, struct.pack(">H", packet_id))


PING = packet(0xC0, b"")
DISCONNECT = packet(0xE0, b"")


def read_packet(stream):
    """The next packet of a buffered stream as its first byte and its body. Raises ConnectionError at the end."""
    first = stream.read(1)
    if not first:
        raise ConnectionError("closed")
    size = shift = 0
    while True:
        byte = stream.read(1)
        if not byte:
            raise ConnectionError("closed")
        size |= (byte[0] & 0x7F) << shift
        shift += 7
        if byte[0] < 0x80:
            break
    body = stream.read(size)
    if len(body) < size:
        raise ConnectionError("closed")
    return first[0], body


class Publisher:
    """Publishes with QoS 1 in a session that outlives its connections, and sends again what is not acknowledged.

    `publish` blocks while the broker does not read. `acknowledged` maps what the caller named its messages by to
    the time of their PUBACK.
    """

    def __init__(self, address, client_id, user, password):
        self.address = address
        self.hello = connect(client_id, user, password, clean=False)
        self.waiting = collections.OrderedDict()
        self.acknowledged = {}
        self.connections = 0
        self._next_id = 0
        self._lock = threading.RLock()
        self._socket = None
        self._ended = False
        self._connected = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def wait_connected(self, patience_s=10):
        if not self._connected.wait(patience_s):
            raise TimeoutError("the publisher is not let in")

    def publish(self, name, topic, payload):
        with self._lock:
            self._next_id = self._next_id % 65535 + 1
            data = publish(topic, payload, self._next_id)
            self.waiting[self._next_id] = (name, data)
        self._send(data)

    def close(self):
        self._ended = True
        if self._socket:
            self._socket.close()

    def _send(self, data):
        try:
            with self._lock:
                connected = self._socket if self._connected.is_set() else None
                if connected:
                    connected.sendall(data)
        except OSError:
            pass  # It stays in `waiting`, and goes out on the next connection.

    def _read(self):
        while not self._ended:
            try:
                self._serve_one_connection()
            except (OSError, ConnectionError):
                self._connected.clear()
                time.sleep(0.05)

    def _serve_one_connection(self):
        with socket.create_connection(self.address, timeout=10) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            stream = connection.makefile("rb")
            connection.sendall(self.hello)
            first, body = read_packet(stream)
            if first != CONNACK or body[1] != ACCEPTED:
                raise ConnectionError("refused")
            connection.settimeout(None)
            self.connections += 1
            with self._lock:
                self._socket = connection
                for _, data in list(self.waiting.values()):
                    connection.sendall(data)
                self._connected.set()
            while True:
                first, body = read_packet(stream)
                if first == PUBACK:
                    name, _ = self.waiting.pop(struct.unpack(">H", body[:2])[0], (None, None))
                    self.acknowledged.setdefault(name, time.time())
