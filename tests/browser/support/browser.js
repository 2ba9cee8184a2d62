// Chromium, with pages that remember what must not happen: errors, and requests to elsewhere.

import assert from "node:assert/strict";
import { chromium } from "playwright-core";

/** How long something that must come may take, milliseconds. */
const PATIENCE_MS = 15_000;

export function launch() {
  const isRoot = process.getuid?.() === 0;
  return chromium.launch({
    executablePath: process.env.KV_CHROMIUM || undefined,
    // Chromium's sandbox refuses root.
    args: isRoot ? ["--no-sandbox"] : [],
  });
}

/**
 * Runs `look(page, faults)` on a fresh page, and then fails when the page had faults. `options` are
 * Playwright's for a context, such as `locale`, `viewport`, `javaScriptEnabled`.
 */
export async function onPage(browser, options, look) {
  const context = await browser.newContext({ locale: "de-DE", ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  try {
    const page = await context.newPage();
    const faults = watch(page);
    await look(page, faults);
    assert.deepEqual(faults, []);
  } finally {
    await context.close();
  }
}

function watch(page) {
  const faults = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) faults.push(`${message.type()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`exception: ${error.message}`));
  page.on("request", (request) => {
    const host = new URL(request.url()).host;
    // The first request is the page's own.
    page.ownHost ??= host;
    if (host !== page.ownHost) faults.push(`asked elsewhere: ${request.url()}`);
  });
  return faults;
}

/** Waits until the element has the text `wanted` (a part of it, or a pattern). */
export async function shows(locator, wanted) {
  try {
    await locator.filter({ hasText: wanted }).waitFor();
  } catch (error) {
    const texts = await locator.allInnerTexts();
    throw new Error(`never became ${wanted}; at the end: ${JSON.stringify(texts)}`, { cause: error });
  }
}

/** Opens a page and waits until it listens for changes. */
export async function openLive(page, url) {
  const listens = page.waitForResponse((response) => response.url().includes("/v1/changes"));
  await page.goto(url);
  assert.equal((await listens).status(), 200);
}
