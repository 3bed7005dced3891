// What a case has in its hands: a client, the model to ask for, and the words to observe with.

import { raised, shown } from "./shown.mjs";

export const CALLERS_KEY = "sk-of-the-caller";
const TIMEOUT_MS = 10_000;

export class Use {
  constructor(sdk, baseURL, model) {
    this.sdk = sdk;
    this.baseURL = baseURL;
    this.model = model;
  }

  /** The usual client: a key, no retries. */
  get client() {
    return (this.usual ??= this.made({}));
  }

  /** A client with options of its own. */
  made(options) {
    const always = { baseURL: this.baseURL, apiKey: CALLERS_KEY, maxRetries: 0, timeout: TIMEOUT_MS };
    return new this.sdk.default({ ...always, ...options });
  }

  /** What a call answers or raises. */
  async tried(call) {
    try {
      return shown(await call());
    } catch (error) {
      return { raised: raised(error, this.sdk) };
    }
  }

  /** Everything a stream gives, and how it ends. */
  async all(stream) {
    const items = [];
    try {
      for await (const item of stream) items.push(shown(item));
    } catch (error) {
      return { items, raised: raised(error, this.sdk) };
    }
    return { items };
  }
}

/** The cases of one SDK by name, in the order in which they are written. */
export class Cases {
  runs = new Map();

  add(name, run) {
    if (this.runs.has(name)) throw new Error(`two cases are named ${name}`);
    this.runs.set(name, run);
  }
}
