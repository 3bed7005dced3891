// Runs the cases of one Node SDK and writes what its user saw; arguments and file are those of tests/sdk/run.py.
//
//   node run.mjs --sdk openai --side direct BASE_URL MODEL --side through BASE_URL MODEL --out seen.json
//   node run.mjs --sdk openai --list

import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Use } from "./use.mjs";
import { raised } from "./shown.mjs";

const PACKAGES = { openai: "openai", anthropic: "@anthropic-ai/sdk" };
const MODE = "node";

function given(words) {
  const found = { sides: [] };
  while (words.length) {
    const word = words.shift();
    if (word === "--side") found.sides.push(words.splice(0, 3));
    else if (word === "--list") found.list = true;
    else if (word === "--sdk" || word === "--out") found[word.slice(2)] = words.shift();
    else throw new Error(`unknown word ${word}`);
  }
  return found;
}

const filled = (template, name) =>
  template.replaceAll("{mode}", MODE).replaceAll("{case}", name.replaceAll("/", "-"));

async function observed(run, use) {
  try {
    return (await run(use)) ?? null;
  } catch (error) {
    return { raised: raised(error, use.sdk) };
  }
}

async function main({ sdk, sides, out, list }) {
  const { cases } = await import(`./${sdk}.mjs`);
  if (list) return console.log(JSON.stringify([...cases.runs.keys()]));
  const named = await import(PACKAGES[sdk]);
  const version = createRequire(import.meta.url)(`./node_modules/${PACKAGES[sdk]}/package.json`).version;
  const seen = Object.fromEntries([...cases.runs.keys()].map((name) => [name, {}]));
  const all = async ([side, baseURL, model]) => {
    for (const [name, run] of cases.runs) {
      const use = new Use({ ...named, named: sdk }, filled(baseURL, name), filled(model, name));
      seen[name][side] = await observed(run, use);
    }
  };
  await Promise.all(sides.map(all)); // much of the time is spent in waiting for timeouts
  const told = { sdk, version, runtime: `Node ${process.versions.node}`, seen: { [MODE]: seen } };
  writeFileSync(out, JSON.stringify(told));
}

await main(given(process.argv.slice(2)));
process.exit(0); // idle connections would keep it alive for their own timeout
