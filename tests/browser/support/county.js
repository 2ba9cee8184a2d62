// One program and one browser for all tests: starting them takes longer than any test.

import { after, before } from "node:test";
import { launch } from "./browser.js";
import { Instance } from "./instance.js";

export let county;
export let browser;

before(async () => {
  [county, browser] = await Promise.all([Instance.start(), launch()]);
});

after(async () => {
  await browser?.close();
  await county?.stop();
});
