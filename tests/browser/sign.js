// `/sign/{municipality}`: the sites of a town, to be read from afar.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { onPage, openLive, shows } from "./support/browser.js";
import { browser, county } from "./support/county.js";

const ONCE = { times: 1 };

const row = (page, name) => page.locator(".board > li").filter({ hasText: name });

describe("the sign of a town", () => {
  before(async () => {
    for (const id of ["markt-1", "markt-2", "markt-3"]) await county.bay(id, "vacant");
    await county.site("garage", 40);
    await county.shown("markt", 3);
    await county.shown("garage", 40);
  });

  test("without script each site of the town has a number or a word", async () => {
    await onPage(browser, { javaScriptEnabled: false }, async (page) => {
      await page.goto(county.url("/sign/altdorf"));
      await shows(page.getByRole("heading", { level: 1 }), "Freie Parkplätze in Altdorf");
      await shows(row(page, "Marktplatz"), /Parkplatz\s*3\s+frei/);
      await shows(row(page, "Bahnhofstraße"), "nicht bekannt");
      assert.equal(await page.locator(".board > li").count(), 3);
      assert.equal(await page.locator("noscript meta[http-equiv=refresh]").getAttribute("content"), "30");
      await page.getByRole("link", { name: "English" }).click();
      await shows(page.getByRole("heading", { level: 1 }), "Vacant parking in Altdorf");
      await shows(row(page, "Marktplatz"), /Car park\s*3\s+vacant/);
    });
  });

  test("the sign follows bays and gates without being asked", async () => {
    await onPage(browser, {}, async (page) => {
      await openLive(page, county.url("/sign/altdorf"));
      await shows(page.getByRole("status"), "Zusammen 43 freie Plätze.");
      await county.bay("markt-2", "occupied");
      await shows(row(page, "Marktplatz"), /(?<!\d)2\s+frei/);
      await shows(page.getByRole("status"), "Zusammen 42 freie Plätze.");
      await county.site("garage", 41);
      await shows(row(page, "Donaudampfschifffahrtsgesellschaft"), /(?<!\d)41\s+frei/);
      await shows(page.getByRole("status"), "Zusammen 43 freie Plätze.");
    });
  });

  test("what changes before the page listens is not missed", async () => {
    await onPage(browser, {}, async (page) => {
      await county.bay("markt-1", "occupied");
      await county.shown("markt", 1);
      await page.route(
        "**/v1/changes*",
        async (route) => {
          await county.bay("markt-1", "vacant");
          await county.shown("markt", 2);
          await route.continue();
        },
        ONCE,
      );
      await page.goto(county.url("/sign/altdorf"));
      await shows(row(page, "Marktplatz"), /(?<!\d)2\s+frei/);
    });
  });

  test("without connection the sign admits how old it is, and recovers", async () => {
    await onPage(browser, {}, async (page, faults) => {
      await openLive(page, county.url("/sign/altdorf"));
      await page.route("**/sign/altdorf", (route) => route.abort());
      await county.bay("markt-3", "occupied");
      await shows(page.getByRole("status"), /^Keine Verbindung\. Stand: \d\d:\d\d$/);
      await page.unroute("**/sign/altdorf");
      await county.bay("markt-3", "vacant");
      await shows(page.getByRole("status"), /^Zusammen \d+ freie Plätze\.$/);
      // The browser's own word for the lost connection.
      assert.match(faults.splice(0).join(), /^error: Failed to load resource: net::ERR_FAILED/);
    });
  });

  test("a town that is not there leads to those that are", async () => {
    await onPage(browser, { javaScriptEnabled: false }, async (page, faults) => {
      const answer = await page.goto(county.url("/sign/nirgendwo"));
      assert.equal(answer.status(), 404);
      await shows(page.getByRole("heading", { level: 1 }), "Diesen Ort gibt es hier nicht.");
      await page.getByRole("link", { name: "Altdorf" }).click();
      await shows(page.getByRole("heading", { level: 1 }), "Freie Parkplätze in Altdorf");
      // The browser's own word for the 404.
      assert.match(faults.shift() ?? "", /404/);
    });
  });
});
