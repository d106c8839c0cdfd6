// The flow that an end user walks through: country, document, pictures, end. The simulator says which step it is; this
// page shows it, and tells the page around it what happens in the messages of Persona's browser SDK.

const query = new URLSearchParams(location.search);
const root = location.pathname.replace(/[^/]*$/, "");
const embedder = query.get("message-target-origin") ?? query.get("iframe-origin");
const embedded = location.pathname.endsWith("/widget") && parent !== window && embedder !== null;
const main = document.querySelector("#flow");

/** What the simulator last said of the inquiry. */
let state = null;
/** The step that is shown although the inquiry is further: the end user went back. */
let wentBackTo = null;
/** How many pictures of the present step were taken. */
let taken = 0;

/** Tells the page around this one. The SDK drops what carries another container's id. */
function tell(name, more = {}) {
  if (embedded) parent.postMessage({ containerId: query.get("container-id"), name, ...more }, embedder);
}

async function call(path, body) {
  const answer = await fetch(root + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const said = await answer.json();
  if (!answer.ok) throw said.error;
  return said;
}

// A token stays in this tab: another tab, or this one after it was closed, needs one from its server. Browsers that keep
// nothing for embedded pages of another site refuse to be asked.
const memory = (() => { try { return sessionStorage; } catch { return null; } })();
const remembered = () => memory?.getItem(`session-token:${query.get("inquiry-id")}`) ?? null;
const remember = () => memory?.setItem(`session-token:${state.inquiryId}`, state.sessionToken);

async function enter() {
  const code = query.get("code");
  const inquiryId = query.get("inquiry-id");
  state = await call("flow/enter", code ? { code } : { inquiryId, sessionToken: query.get("session-token") ?? remembered() });
  remember();
}

async function act(action) {
  const before = state.step;
  const controls = main.querySelectorAll("button, select");
  controls.forEach((control) => (control.disabled = true));
  try {
    state = await call("flow/act", { inquiryId: state.inquiryId, sessionToken: state.sessionToken, action });
  } catch (error) {
    return fail(error ?? { status: 0, code: "application_error" });
  }
  wentBackTo = null;
  taken = 0;
  render();
  const about = { inquiryId: state.inquiryId, sessionToken: state.sessionToken };
  if (state.step !== before) tell("page-change", { metadata: { ...about, name: state.step, path: state.step } });
  main.querySelector("h1")?.focus();
}

/** An error stays on the screen. The SDK's overlay would hide it behind its spinner without a `load` before. */
function fail(error) {
  show("problem", { message: error.message ?? "Something went wrong." });
  progress(null);
  tell("load");
  tell("error", { error: { status: error.status, code: error.code } });
}

/** Puts a step's template on the screen, with texts at the places that are marked for them. */
function show(name, texts = {}) {
  const step = document.querySelector(`#step-${name}`).content.cloneNode(true);
  for (const place of step.querySelectorAll("[data-text]")) place.textContent = texts[place.dataset.text] ?? "";
  const title = step.querySelector("h1");
  if (title) title.tabIndex = -1;
  main.replaceChildren(step);
  main.dataset.step = name;
}

const STEPS = ["country", "document", "government_id", "selfie", "done"];

function progress(step) {
  const bar = document.querySelector("#progress");
  bar.hidden = step === null;
  bar.value = Math.max(0, STEPS.indexOf(step));
  document.querySelector("#back").hidden = !["document", "government_id"].includes(step);
  document.querySelector("#close").hidden = !embedded || step === "done";
  document.querySelector("#sandbox").hidden = !["government_id", "selfie"].includes(step);
}

function render() {
  const step = wentBackTo ?? state.step;
  progress(step);
  ({ country, document: documents, government_id: governmentId, selfie, done })[step]();
}

function country() {
  show("country");
  const select = main.querySelector("#country");
  select.append(new Option("Choose a country", ""));
  for (const { code, name } of state.countries) select.append(new Option(name, code));
  select.value = state.country?.code ?? "";
  const button = main.querySelector("#continue");
  const check = () => (button.disabled = select.value === "");
  select.addEventListener("change", check);
  check();
  button.addEventListener("click", () => {
    tell("country-select", { metadata: { selectedCountryCode: select.value } });
    act({ country: select.value });
  });
}

function documents() {
  show("document", { country: state.country.name });
  for (const { code, name } of state.documents) {
    const choice = document.querySelector("#choice").content.cloneNode(true);
    choice.querySelector("span").textContent = name;
    choice.querySelector("button").dataset.document = code;
    choice.querySelector("button").addEventListener("click", () => act({ document: code }));
    main.querySelector("#documents").append(choice);
  }
}

function governmentId() {
  const sides = state.document.twoSided ? ["front", "back"] : ["photo page"];
  const shown = Math.min(taken, sides.length - 1);
  const button = `Photograph the ${sides[shown]}`;
  show("government_id", { title: `${state.document.name}: ${sides[shown]}`, button });
  main.querySelector(".camera").dataset.side = shown === 0 ? "front" : "back";
  pictures(sides.length, "document-camera-capture", "government_id", governmentId);
}

function selfie() {
  const poses = ["Look straight into the camera.", "Turn your head slightly to the left.", "Turn your head slightly to the right."];
  show("selfie", { pose: poses[taken], button: taken === 0 ? "Take the selfie" : `Take picture ${taken + 1} of ${poses.length}` });
  main.querySelector(".camera").dataset.pose = ["center", "left", "right"][taken];
  pictures(poses.length, "selfie-camera-capture", "selfie", selfie);
}

/** Takes a step's pictures one after the other; after the last one the sandbox's switch decides. */
function pictures(count, event, action, again) {
  const retry = main.querySelector("#retry");
  retry.hidden = taken > 0 || state.attemptsLeft === 5;
  retry.textContent = `That did not pass. ${state.attemptsLeft} ${state.attemptsLeft === 1 ? "try is" : "tries are"} left.`;
  main.querySelector("#capture").addEventListener("click", () => {
    taken += 1;
    tell(event, { metadata: { inquiryId: state.inquiryId } });
    if (taken < count) again();
    else act({ [action]: document.querySelector("[name=outcome]:checked").value });
  });
}

/** The end. Whether the flow was completed or has failed is all that the page around may believe for now. */
function done() {
  const failed = ["failed", "declined"].includes(state.status);
  show(failed ? "failed" : "passed");
  const { inquiryId, status, fields } = state;
  main.querySelector("#finish").addEventListener("click", () => {
    tell(failed ? "fail" : "complete", { metadata: { inquiryId, status, fields } });
    if (embedded) return;
    if (state.redirectTo === null) return show("left");
    location.assign(state.redirectTo);
  });
}

function leave() {
  tell("exit", { metadata: { inquiryId: state?.inquiryId, sessionToken: state?.sessionToken } });
}

document.querySelector("#close").addEventListener("click", leave);
document.querySelector("#back").addEventListener("click", () => {
  const step = wentBackTo ?? state.step;
  wentBackTo = step === "government_id" && taken === 0 ? "document" : step === "document" ? "country" : null;
  taken = 0;
  render();
});
addEventListener("message", ({ data, origin, source }) => {
  if (source !== parent || origin !== embedder) return;
  if (data?.action === "open") tell("start", { metadata: { inquiryId: state?.inquiryId } });
  if (data?.action === "exit") leave();
});

if (query.get("style-variant") === "dark") document.documentElement.dataset.style = "dark";
try {
  await enter();
  render();
  const metadata = { inquiryId: state.inquiryId, sessionToken: state.sessionToken };
  tell("load");
  tell("inquiry-load", { metadata });
  tell("ready", { metadata });
} catch (error) {
  fail(error?.code ? error : { status: 0, code: "application_error" });
}
