// Every page for everyone: other eyes, small screens, large letters, no mouse.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import axe from "axe-core";
import { onPage, shows } from "./support/browser.js";
import { browser, county } from "./support/county.js";

const PAGES = ["/", "/?q=51.9,7.2", "/?q=Nirgendwo", "/sign/altdorf", "/docs"];

/** A phone, in the dark: scheme and width matter independently of each other. */
const PHONE = { viewport: { width: 390, height: 800 }, colorScheme: "dark" };
const DESK = { viewport: { width: 1280, height: 800 }, colorScheme: "light" };

/** To a page, zoom is a narrower window with finer pixels. */
const zoomed = (factor) => ({
  viewport: { width: 1280 / factor, height: 800 / factor },
  deviceScaleFactor: factor,
});

describe("every page for everyone", () => {
  before(async () => {
    await county.bay("markt-1", "vacant");
    await county.site("garage", 37);
    await county.shown("markt", 1);
    await county.shown("garage", 37);
  });

  for (const [name, look] of Object.entries({
    "in light on a desk": DESK,
    "in the dark on a phone": PHONE,
  })) {
    test(`axe finds nothing ${name}`, async () => {
      await onPage(browser, look, async (page) => {
        for (const path of PAGES) {
          await page.goto(county.url(path));
          await page.evaluate(axe.source);
          const { violations, passes } = await page.evaluate(() => window.axe.run());
          assert.deepEqual(violations.map(complaint), [], path);
          assert.ok(
            passes.some((rule) => rule.id === "color-contrast"),
            `${path}: contrast was not measured`,
          );
        }
      });
    });
  }

  test("nothing is wider than a phone, nor than the window at 200 % and 400 %", async () => {
    for (const look of [PHONE, zoomed(2), zoomed(4)]) {
      await onPage(browser, look, async (page) => {
        for (const path of PAGES) {
          await page.goto(county.url(path));
          const width = await page.evaluate(() => document.scrollingElement.scrollWidth);
          assert.equal(width, look.viewport.width, path);
        }
      });
    }
  });

  test("the keyboard reaches everything, and one sees where it is", async () => {
    await onPage(browser, DESK, async (page) => {
      for (const path of ["/", "/?q=51.9,7.2", "/sign/altdorf"]) {
        await page.goto(county.url(path));
        const all = await page.locator("a, button, input, select").filter({ visible: true }).count();
        assert.ok(all >= 3, path);
        const reached = new Set();
        for (let i = 0; i < all; i++) {
          await page.keyboard.press("Tab");
          reached.add(await page.evaluate(focused));
        }
        assert.equal(reached.size, all, `${path}: ${[...reached].join("; ")}`);
      }
    });
  });

  test("a driver finds a vacant space by keyboard alone", async () => {
    await onPage(browser, DESK, async (page) => {
      await page.goto(county.url("/"));
      while ((await page.evaluate(() => document.activeElement.id)) !== "q") await page.keyboard.press("Tab");
      await page.keyboard.type("Altdorf");
      await page.keyboard.press("Enter");
      await shows(page.locator("h2"), "Bei Altdorf");
      await shows(page.locator(".offers > li").first(), /1\s+frei von 3/);
    });
  });
});

function complaint({ id, help, nodes }) {
  return `${id}: ${help}: ${nodes.map((node) => node.html).join(" ")}`;
}

/** In the page: what has the focus, once its ring has been seen to be there. */
function focused() {
  const element = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(element);
  if (outlineStyle === "none" || parseFloat(outlineWidth) < 2)
    throw new Error(`no ring: ${element.outerHTML}`);
  const all = [...document.querySelectorAll("*")];
  return `${all.indexOf(element)} ${element.outerHTML}`;
}
