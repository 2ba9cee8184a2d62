// `/`: vacant parking near a point.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { onPage, openLive, shows } from "./support/browser.js";
import { browser, county } from "./support/county.js";

const WITHOUT_SCRIPT = { javaScriptEnabled: false };

const offer = (page, name) => page.locator(".offers > li").filter({ hasText: name });

describe("vacant parking near a point", () => {
  before(async () => {
    await county.bay("markt-1", "vacant");
    await county.bay("markt-2", "vacant");
    await county.bay("markt-3", "occupied");
    await county.site("garage", 37);
    await county.shown("markt", 2);
    await county.shown("garage", 37);
  });

  test("without script the browser's language names what is vacant, nearest first", async () => {
    await onPage(browser, WITHOUT_SCRIPT, async (page) => {
      await page.goto(county.url("/?q=51.9,7.2"));
      assert.equal(await page.locator("html").getAttribute("lang"), "de");
      await shows(page.locator("#summary"), "39 freie Plätze im Umkreis von 800 m.");
      const names = await page.locator(".offers .name").allInnerTexts();
      assert.deepEqual(names, ["Marktplatz", "Parkhaus Donaudampfschifffahrtsgesellschaft"]);
      await shows(offer(page, "Marktplatz"), /2\s+frei von 3.*1 € je Stunde.*Gemeldet/s);
      await shows(offer(page, "Parkhaus"), /37\s+frei von 96.*Höhe bis 2,1 m.*Menschen mit Behinderung/s);
      await shows(page.locator("#live"), "Nicht aufgeführt: 1 ohne Live-Daten.");
      assert.equal(await page.locator("noscript meta[http-equiv=refresh]").getAttribute("content"), "60");
    });
    await onPage(browser, { ...WITHOUT_SCRIPT, locale: "en-GB" }, async (page) => {
      await page.goto(county.url("/?q=51.9,7.2"));
      assert.equal(await page.locator("html").getAttribute("lang"), "en");
      await shows(page.locator("#summary"), "39 vacant spaces within 800 m.");
      await shows(offer(page, "Parkhaus"), /37\s+vacant of 96.*height up to 2\.1 m.*Reported/s);
    });
  });

  test("the switch changes the language and keeps the question", async () => {
    await onPage(browser, WITHOUT_SCRIPT, async (page) => {
      await page.goto(county.url("/?municipality=altdorf"));
      await shows(page.locator("h2"), "Bei Altdorf");
      await page.getByRole("link", { name: "English" }).click();
      await shows(page.locator("h2"), "Near Altdorf");
      await page.getByLabel("Town, car park or coordinates").fill("Marktplatz");
      await page.getByRole("button", { name: "Search" }).click();
      await shows(page.locator("h2"), "Near Marktplatz");
      await page.getByRole("link", { name: "Deutsch" }).click();
      await shows(page.locator("h2"), "Bei Marktplatz");
    });
  });

  test("what is chosen last is looked for, be it words or a town", async () => {
    await onPage(browser, WITHOUT_SCRIPT, async (page) => {
      const search = () => page.getByRole("button", { name: "Suchen" }).click();
      await page.goto(county.url("/?q=Marktplatz"));
      await page.getByLabel("oder aus der Liste").selectOption("Neudorf");
      await search();
      await shows(page.locator("h2"), "Bei Neudorf");
      await page.getByLabel("Ort, Parkplatz oder Koordinaten").fill("Marktplatz");
      await search();
      await shows(page.locator("h2"), "Bei Marktplatz");
    });
  });

  test("the list follows the bays without being asked", async () => {
    await onPage(browser, {}, async (page) => {
      await openLive(page, county.url("/?q=51.9,7.2"));
      await page.evaluate(() => (window.isSamePage = true));
      await shows(offer(page, "Marktplatz"), /2\s+frei von 3/);
      await county.bay("markt-1", "occupied");
      await shows(offer(page, "Marktplatz"), /1\s+frei von 3/);
      await shows(page.locator("#summary"), "38 freie Plätze");
      await county.bay("markt-2", "occupied");
      await offer(page, "Marktplatz").waitFor({ state: "detached" });
      await shows(page.locator("#live"), "Nicht aufgeführt: 1 voll, 1 ohne Live-Daten.");
      await county.bay("markt-1", "vacant");
      await county.bay("markt-2", "vacant");
      await shows(offer(page, "Marktplatz"), /2\s+frei von 3/);
      assert.ok(await page.evaluate(() => window.isSamePage), "the page was loaded again");
    });
  });

  test("a silent sensor's bay becomes unknown by itself, in the list and on the sign", async () => {
    await onPage(browser, {}, async (list) => {
      await onPage(browser, {}, async (sign) => {
        await openLive(list, county.url("/?municipality=neudorf"));
        await openLive(sign, county.url("/sign/neudorf"));
        await county.bay("brief-1", "vacant");
        await Promise.all([
          shows(list.locator("#summary"), /^1 freie/).then(() => shows(list.locator("#summary"), /^0 freie/)),
          shows(sign.locator("#summary"), "Zusammen 1 ").then(() =>
            shows(sign.locator("#summary"), "Zusammen 0 "),
          ),
        ]);
        await shows(offer(list, "Kirchplatz"), /nicht bekannt.*Letzte Meldung/s);
        await shows(sign.locator(".board > li"), /nicht bekannt.*letzte Meldung/s);
        assert.equal(await sign.locator(".number").count(), 0);
      });
    });
  });

  test("a question without an answer says what to do", async () => {
    const remedies = {
      "/?q=Nirgendwo": /„Nirgendwo“.*aus der Liste.*zuerst die Breite/,
      "/?municipality=nirgendwo": /„nirgendwo“.*aus der Liste.*zuerst die Breite/,
      "/?near=7.2,51.9": /keine Daten.*zuerst die Breite, dann die Länge/,
      "/?lang=en&q=Nowhere": /“Nowhere”.*from the list.*latitude first/,
      "/?lang=en&q=7.2,51.9": /no data.*latitude first, then longitude/,
    };
    await onPage(browser, WITHOUT_SCRIPT, async (page) => {
      for (const [path, remedy] of Object.entries(remedies)) {
        await page.goto(county.url(path));
        await shows(page.getByRole("status"), remedy);
        assert.equal(await page.locator(".offers").count(), 0, path);
      }
    });
  });

  test("the driver's own position may be given or refused", async () => {
    const here = { geolocation: { latitude: 51.9, longitude: 7.2 }, permissions: ["geolocation"] };
    await onPage(browser, { ...here, locale: "en" }, async (page) => {
      await page.goto(county.url("/"));
      await page.getByRole("button", { name: "Near me" }).click();
      await page.waitForURL("**/?lang=en&near=51.90000%2C7.20000");
      await shows(page.locator("h2"), "Near this place");
    });
    await onPage(browser, { permissions: [] }, async (page) => {
      await page.goto(county.url("/"));
      await page.getByRole("button", { name: "In meiner Nähe" }).click();
      await shows(page.getByRole("status"), "Der Standort ist nicht verfügbar.");
    });
  });
});
