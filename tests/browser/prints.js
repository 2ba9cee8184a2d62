// What is printed or sent: protocols of tests, the hand-over list, the report of a feed check. Each is a file of its own.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, describe, test } from "node:test";
import axe from "axe-core";
import { onPage } from "./support/browser.js";
import { browser, county } from "./support/county.js";
import { Instance } from "./support/instance.js";

const BROKEN = fileURLToPath(new URL("../../feed-check/tests/broken/words.txt", import.meta.url));
const LANGS = ["de", "en"];

/** A4 less its margins, in CSS pixels at 96 dpi: (210 - 2 * 16) mm. */
const PAPER = { width: 673, height: 980 };
const PHONE = { width: 390, height: 800 };

/** Name of each print to its HTML. */
const prints = {};
let folder;

describe("prints", () => {
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "kv-prints-"));
    const key = (await county.command("key", "create", "--role", "installer", "--municipality", "altdorf")).trim();
    await county.ask("POST", "/v1/sensors/s-17/acceptance", key);
    await county.ask("POST", "/v1/sensors/s-18/acceptance", key);
    await county.ask("DELETE", "/v1/sensors/s-18/acceptance", key);
    for (const lang of LANGS) {
      const html = (path) => county.ask("GET", `${path}?format=html&lang=${lang}`, key);
      prints[`running ${lang}`] = await html("/v1/sensors/s-17/acceptance");
      prints[`cancelled ${lang}`] = await html("/v1/sensors/s-18/acceptance");
      prints[`hand-over list ${lang}`] = await html("/v1/acceptances");
      const file = join(folder, `report-${lang}.html`);
      await Instance.check("feed", "check", BROKEN, "--html", file, "--lang", lang);
      prints[`feed check ${lang}`] = await readFile(file, "utf8");
    }
  });

  after(() => rm(folder, { recursive: true, force: true }));

  test("axe finds nothing, on a phone and on paper", async () => {
    for (const viewport of [PHONE, PAPER]) {
      await onPage(browser, { viewport }, async (page) => {
        for (const [name, html] of Object.entries(prints)) {
          await page.setContent(html);
          await page.evaluate(axe.source);
          const { violations, passes } = await page.evaluate(() => window.axe.run());
          assert.deepEqual(
            violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(" ")}`),
            [],
            name,
          );
          assert.ok(passes.some((rule) => rule.id === "color-contrast"), `${name}: contrast was not measured`);
          assert.ok(passes.some((rule) => rule.id === "html-lang-valid"), name);
        }
      });
    }
  });

  test("nothing is wider than a phone, nor than the paper", async () => {
    for (const [viewport, media] of [
      [PHONE, "screen"],
      [PAPER, "print"],
    ]) {
      await onPage(browser, { viewport }, async (page) => {
        await page.emulateMedia({ media });
        for (const [name, html] of Object.entries(prints)) {
          await page.setContent(html);
          const width = await page.evaluate(() => document.scrollingElement.scrollWidth);
          assert.equal(width, viewport.width, `${name} on ${media}`);
          // On paper nothing can be scrolled into view.
          const hidden = await page.evaluate(
            () => [...document.querySelectorAll("*")].filter((e) => e.scrollWidth > e.clientWidth + 1 && e.clientWidth).length,
          );
          if (media === "print") assert.equal(hidden, 0, `${name}: something is cut off`);
        }
      });
    }
  });

  test("both languages say what is missing, and the list has each sensor", () => {
    assert.match(prints["running de"], /Noch offen\. Es fehlt der Wechsel auf belegt\./);
    assert.match(prints["running en"], /Not yet\. The change to occupied is missing\./);
    assert.match(prints["cancelled de"], /Abgebrochen\./);
    assert.match(prints["hand-over list en"], /2 sensors: 0 passed, 0 failed, 2 open; 0 signed off\./);
    for (const sensor of ["s-17", "s-18"]) assert.ok(prints["hand-over list de"].includes(sensor));
  });
});
