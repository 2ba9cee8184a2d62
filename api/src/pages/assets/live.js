// Keeps a page current: whenever something in its area changes, the page is asked for again and
// what is new is put in place. Without this the page is the same, only not by itself.

/** How long changes are gathered before the page is asked for again, milliseconds. */
const GATHER_MS = 1000;

/** Ages grow although nothing changes, milliseconds. */
const AGE_MS = 60_000;

const live = document.getElementById("live");
const summary = document.getElementById("summary");

/** When the page was last known to be true. */
let asOf = new Date();

/** Puts what is new in place; the summary only when it differs, because it is read aloud. */
async function refresh() {
  const answer = await fetch(location.href, { cache: "no-store" });
  if (!answer.ok) throw new Error(answer.statusText);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("live");
  if (fresh) live.replaceChildren(...fresh.childNodes);
  announce(page.getElementById("summary")?.textContent ?? "");
  asOf = new Date();
  document.body.classList.remove("lost");
}

/** Old numbers must not pass for new ones. */
function admitLoss() {
  const time = asOf.toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
  announce(`${live.dataset.lost} ${time}`);
  document.body.classList.add("lost");
}

function announce(text) {
  if (summary && summary.textContent !== text) summary.textContent = text;
}

let waiting = false;

function refreshSoon() {
  if (waiting) return;
  waiting = true;
  setTimeout(async () => {
    waiting = false;
    await refresh().catch(admitLoss);
  }, GATHER_MS);
}

function follow() {
  const source = new EventSource(live.dataset.changes);
  // Between the page and a snapshot, the first too, changes may have been missed.
  source.addEventListener("snapshot", (event) => {
    if (JSON.parse(event.data).complete) refreshSoon();
  });
  source.addEventListener("change", (event) => {
    if (JSON.parse(event.data).reason !== "confirmed") refreshSoon();
  });
  source.addEventListener("removed", refreshSoon);
  source.addEventListener("error", refreshSoon);
  setInterval(refreshSoon, AGE_MS);
}

if (live?.dataset.changes) follow();

const nearMe = document.getElementById("near-me");
if (nearMe && "geolocation" in navigator) {
  nearMe.hidden = false;
  nearMe.addEventListener("click", () => {
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        const address = new URL(location.href);
        address.search = "";
        address.searchParams.set("lang", document.documentElement.lang);
        address.searchParams.set("near", `${coords.latitude.toFixed(5)},${coords.longitude.toFixed(5)}`);
        location.assign(address);
      },
      () => {
        announce(nearMe.dataset.failed);
      },
    );
  });
}
