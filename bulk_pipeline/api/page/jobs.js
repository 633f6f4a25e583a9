// Jobs that the page may start: test data, synchronisation.

import { post } from "./client.js";
import { linkTo } from "./element.js";

const PATHS = {
  dummy: "api/v1/ultra/generate-dummy-data",
  sync: "api/v1/ultra/sync-data",
};

/** Let a form of the page start its job, and say below it what came of that. */
export function startsJob(form, onError) {
  const said = form.querySelector(".answer");
  const button = form.querySelector("button");
  form.onsubmit = async (event) => {
    event.preventDefault();
    const given = [...new FormData(form)]
      .filter(([, text]) => text !== "")
      .map(([name, text]) => [name, Number(text)]);
    button.disabled = true;
    said.className = "answer";
    said.textContent = "Starting …";
    try {
      const run = await post(PATHS[form.id], Object.fromEntries(given));
      const name = `run ${run.run_id}`;
      said.replaceChildren("Started: ", linkTo(run.run_url, name) ?? name);
    } catch (error) {
      said.className = "answer bad-text";
      said.textContent = error.message;
      onError(error);
    } finally {
      button.disabled = false;
    }
  };
}
