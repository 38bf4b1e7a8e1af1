// What the browser remembers: for good, or as long as the tab is open. Without storage nothing is remembered.

/** @param {() => Storage} storage */
function over(storage) {
  /** @type {Map<string, string>} */
  const fallback = new Map();
  return {
    /** @param {string} key @returns {string | null} */
    get(key) {
      try {
        return storage().getItem(key);
      } catch {
        return fallback.get(key) ?? null;
      }
    },
    /** @param {string} key @param {string | null} value */
    set(key, value) {
      if (value === null) fallback.delete(key);
      else fallback.set(key, value);
      try {
        if (value === null) storage().removeItem(key);
        else storage().setItem(key, value);
      } catch {
        // Private windows and full disks.
      }
    },
    /** @template T @param {string} key @param {T} otherwise @returns {T} */
    json(key, otherwise) {
      try {
        return JSON.parse(this.get(key) ?? "") ?? otherwise;
      } catch {
        return otherwise;
      }
    },
  };
}

export const local = over(() => localStorage);
export const session = over(() => sessionStorage);
