// The real program in a data directory of its own, with a small county, on free ports.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { openSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import mqtt from "mqtt";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const PROGRAM = join(process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"), "debug/kreisverkehr");
const PLACES = fileURLToPath(new URL("../places", import.meta.url));

/** A fresh database, set up by a debug build on a busy machine, milliseconds. */
const START_MS = 60_000;

/** SIGTERM must end the program within this, milliseconds. */
const STOP_MS = 10_000;

export class Instance {
  /** Starts the program and imports the county; stop() must follow. */
  static async start() {
    const instance = new Instance();
    instance.folder = await mkdtemp(join(tmpdir(), "kv-browser-"));
    // Started by root the database runs as another user, who must pass through.
    await chmod(instance.folder, 0o755);
    try {
      await instance.#serve();
      await instance.#import();
      instance.publisher = await mqtt.connectAsync(instance.ready.mqtt);
    } catch (error) {
      const log = await readFile(instance.#log(), "utf8").catch(() => "");
      await instance.stop().catch(() => {});
      throw new Error(`${error.message}\n${log}`, { cause: error });
    }
    return instance;
  }

  /** The address of a page. */
  url(path) {
    return this.ready.http + path;
  }

  /** Publishes what a bay's sensor says now; returns when the broker has it. */
  async bay(id, state) {
    const message = JSON.stringify({ at: new Date().toISOString(), state });
    await this.publisher.publishAsync(`kv/1/${feedOf(id)}/bay/${id}`, message, { qos: 1 });
  }

  /** Publishes how many spaces of a site are vacant. */
  async site(id, vacant) {
    const message = JSON.stringify({ at: new Date().toISOString(), vacant });
    await this.publisher.publishAsync(`kv/1/steady/site/${id}`, message, { qos: 1 });
  }

  /** Runs a command on its data, and returns what it prints. */
  async command(...args) {
    const { stdout } = await promisify(execFile)(PROGRAM, [...args, ...this.#data()], { env: withoutSettings() });
    return stdout;
  }

  /** Runs a command that needs no data; its exit code may be any. */
  static async check(...args) {
    await promisify(execFile)(PROGRAM, args, { env: withoutSettings() }).catch((error) => {
      if (typeof error.code !== "number") throw error;
    });
  }

  /** Asks with a key; the text of the answer, which must be good. */
  async ask(method, path, key, body) {
    const answer = await fetch(this.url(path), { method, body, headers: { authorization: `Bearer ${key}` } });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text;
  }

  /** Waits until the API knows so many vacant spaces of a site: from then on a page must show them. */
  shown(site, vacant) {
    return this.#until(`/v1/sites/${site}`, (body) => JSON.parse(body).vacant === vacant);
  }

  async #until(path, holds) {
    const deadline = Date.now() + STOP_MS;
    for (;;) {
      const answer = await fetch(this.url(path));
      const body = await answer.text();
      if (holds(body)) return;
      if (Date.now() > deadline) throw new Error(`${path} never became what it should be: ${body}`);
      await new Promise((done) => setTimeout(done, 50));
    }
  }

  async stop() {
    await this.publisher?.endAsync();
    process.removeListener("exit", this.endWithTests);
    if (this.program && this.program.exitCode === null) {
      const ended = once(this.program, "exit", { signal: AbortSignal.timeout(STOP_MS) });
      this.program.kill("SIGTERM");
      const [code] = await ended;
      if (code !== 0) throw new Error(`ended with ${code}:\n${await readFile(this.#log(), "utf8")}`);
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  #log() {
    return join(this.folder, "log");
  }

  #data() {
    return ["--data-dir", join(this.folder, "data")];
  }

  async #serve() {
    const log = openSync(this.#log(), "a");
    const args = ["serve", "--http", "127.0.0.1:0", "--mqtt-listen", "127.0.0.1:0", ...this.#data()];
    this.program = spawn(PROGRAM, args, { stdio: ["ignore", "pipe", log], env: withoutSettings() });
    this.endWithTests = () => this.program.kill("SIGTERM");
    process.on("exit", this.endWithTests);
    const lines = createInterface({ input: this.program.stdout });
    const signal = AbortSignal.timeout(START_MS);
    const [line] = await Promise.race([
      once(lines, "line", { signal }),
      once(this.program, "exit", { signal }).then(([code]) => {
        throw new Error(`ended with ${code} before it was ready`);
      }),
    ]);
    this.ready = JSON.parse(line);
  }

  async #import() {
    const places = join(this.folder, "places");
    await cp(PLACES, places, { recursive: true });
    const env = withoutSettings();
    await promisify(execFile)(PROGRAM, ["import", ...this.#data(), places], { env });
    await this.#until("/metrics", (text) => /^kv_ingest_subscriptions 2$/m.test(text));
  }
}

/** Bays named `brief-...` have a sensor that must be heard again within seconds. */
function feedOf(bay) {
  return bay.startsWith("brief-") ? "brief" : "steady";
}

/** A setting of the caller's, such as KV_DATABASE_URL, must not reach the program. */
function withoutSettings() {
  const rest = Object.entries(process.env).filter(([name]) => !name.startsWith("KV_"));
  // A full disk of the machine must not fail what has nothing to do with it.
  return Object.fromEntries([...rest, ["KV_MIN_FREE_DISK_PCT", "0"]]);
}
