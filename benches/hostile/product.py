"""A fresh instance of the product with two towns, on ports and in a directory of its own."""

import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse

BAYS = {"victim": 100, "attacker": 5000}
USERS = {"victim": "v1ctim", "attacker": "att4cker"}
HASHED_USER = "hashed"
# Of the password "correct", with the parameters that OWASP recommends.
HASH = "$argon2id$v=19$m=19456,t=2,p=1$NBwIUbIx45kGPxQF36Ugbg$o46Zq6LkgXIi+TerNBqX14g8wtmn551qia2AOA0FN8A"
# What a service manager gives a service that asks for nothing.
DESCRIPTORS = 1024

MOSQUITTO = """
per_listener_settings false
listener {port} 127.0.0.1
allow_anonymous false
password_file {dir}/passwords
acl_file {dir}/acl
persistence true
persistence_location {dir}/
autosave_interval 1
max_inflight_messages 0
max_queued_messages 100000
max_queued_bytes 268435456
max_packet_size 16777216
max_connections 500
memory_limit 536870912
persistent_client_expiration 14d
log_type error
log_type warning
log_dest file {dir}/log
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def rss_mib(pid):
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


class Child:
    """A process of ours, `self.process`."""

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()


class Mosquitto(Child):
    """A private mosquitto: config, users and access rules of its own, watched by nobody."""

    def __init__(self, directory, port=None, settings=""):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        users = dict(USERS, internal="1nternal", **{HASHED_USER: "correct"})
        passwords = self.directory / "passwords"
        passwords.write_text("".join(f"{name}:{password}\n" for name, password in users.items()))
        subprocess.run(["mosquitto_passwd", "-U", passwords], check=True, timeout=30)
        acl = "".join(f"user {name}\ntopic readwrite kv/1/{name}/#\n" for name in USERS)
        (self.directory / "acl").write_text(acl + "user internal\ntopic readwrite #\n")
        self.config = self.directory / "mosquitto.conf"
        self.config.write_text(
            MOSQUITTO.format(port=self.port, dir=self.directory) + "user root\n" + settings
        )
        self.start()

    @property
    def url(self):
        return f"mqtt://internal:1nternal@127.0.0.1:{self.port}"

    def start(self):
        self.process = subprocess.Popen(["/usr/sbin/mosquitto", "-c", self.config], stderr=subprocess.DEVNULL)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError("mosquitto does not start")


class Product(Child):
    """`broker` is "embedded", or "mosquitto" for a private mosquitto beside the product."""

    def __init__(self, binary, broker="embedded", mosquitto_settings=""):
        self.binary = binary
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="kv-hostile-"))
        self.directory.chmod(0o755)
        self.data = self.directory / "data"
        self.process = self.mosquitto = None
        if broker == "mosquitto":
            self.mosquitto = Mosquitto(self.directory / "mosquitto", settings=mosquitto_settings)
        self.http_port, self.mqtt_port = free_port(), free_port()
        try:
            self._write_inputs()
            self.start()
            self._run("import", self.directory / "places")
            self.key = {
                town: self._run("key", "create", "--role", "planner", "--municipality", town).strip()
                for town in BAYS
            }
        except BaseException:
            self.remove()
            raise

    @property
    def mqtt(self):
        return ("127.0.0.1", self.mosquitto.port if self.mosquitto else self.mqtt_port)

    @property
    def http(self):
        return ("127.0.0.1", self.http_port)

    @property
    def client_id(self):
        return (self.data / "mqtt-client-id").read_text().strip()

    def start(self):
        command = [self.binary, "serve", "--data-dir", self.data, "--http", f"127.0.0.1:{self.http_port}"]
        if self.mosquitto:
            command += ["--mqtt-url", self.mosquitto.url]
        else:
            command += ["--mqtt-listen", f"127.0.0.1:{self.mqtt_port}"]
            command += ["--mqtt-users", self.directory / "users.toml"]
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, hard)),
            )
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the product does not start:\n" + (self.directory / "log").read_text()[-2000:])
        self.ready = json.loads(line)

    def is_alive(self):
        return self.process.poll() is None

    def remove(self):
        """Stops everything and removes what is left of it."""
        self.thaw_database()
        if self.process:
            self.stop()
        for pid in self.database_pids()[:1]:
            os.kill(pid, signal.SIGINT)
            for _ in range(100):
                if not os.path.exists(f"/proc/{pid}"):
                    break
                time.sleep(0.1)
        if self.mosquitto:
            self.mosquitto.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def memory_mib(self):
        """Resident memory of the product and its broker, without the database."""
        broker = rss_mib(self.mosquitto.process.pid) if self.mosquitto else 0.0
        return rss_mib(self.process.pid) + broker

    def database_pids(self):
        """The postmaster first, then its children."""
        try:
            postmaster = int((self.data / "postgres/postmaster.pid").read_text().split()[0])
            children = pathlib.Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        except (OSError, ValueError, IndexError):
            return []
        return [postmaster, *map(int, children)]

    def freeze_database(self):
        for pid in self.database_pids():
            os.kill(pid, signal.SIGSTOP)

    def thaw_database(self):
        for pid in self.database_pids():
            os.kill(pid, signal.SIGCONT)

    def query(self, sql):
        """One value, from the private database."""
        socket_dir = urllib.parse.parse_qs(urllib.parse.urlsplit(self.ready["database_url"]).query)["host"][0]
        command = ["psql", "-XAtq", "-h", socket_dir, "-U", "kreisverkehr", "kreisverkehr", "-c", sql]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()

    def _run(self, *arguments):
        command = [self.binary, *arguments, "--data-dir", self.data]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout

    def _write_inputs(self):
        places = self.directory / "places"
        places.mkdir()
        (places / "municipalities.csv").write_text("slug,name,ags\nvictim,V,05558001\nattacker,A,05558002\n")
        bays = [
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [7.1 + n % 2 / 10 + i * 1e-5, 51.9]},
                "properties": {"id": f"{town}-{i}", "municipality": town},
            }
            for n, (town, count) in enumerate(BAYS.items())
            for i in range(count)
        ]
        (places / "bays.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": bays}))
        (places / "feeds.toml").write_text(
            "".join(
                f'[[feed]]\nid = "{town}"\nmunicipality = "{town}"\nformat = "native"\ntopic = "kv/1/{town}/#"\n'
                for town in BAYS
            )
        )
        granted = {town: f'["kv/1/{town}/#"]' for town in USERS}
        users = [
            f'[[user]]\nname = "{name}"\npassword = "{password}"\npublish = {granted[name]}\n'
            f"subscribe = {granted[name]}\n"
            for name, password in USERS.items()
        ]
        users.append(f"[[user]]\nname = \"{HASHED_USER}\"\npassword_hash = '{HASH}'\n")
        (self.directory / "users.toml").write_text("".join(users))


class MemoryWatch:
    """Samples the product's memory while it is entered, and ends the product before it takes the machine's."""

    LIMIT_MIB = 6000

    def __init__(self, product):
        self.product = product
        self.highest = 0.0
        self._end = threading.Event()

    def __enter__(self):
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._end.set()

    def _watch(self):
        while not self._end.wait(0.05):
            self.highest = max(self.highest, self.product.memory_mib())
            if self.highest > self.LIMIT_MIB and self.product.is_alive():
                self.product.kill()
