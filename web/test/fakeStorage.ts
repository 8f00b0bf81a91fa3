/** Installs an in-memory storage in place of localStorage and sessionStorage. */
export const storedItems = new Map<string, string>()

const storage = {
  getItem: (key: string) => storedItems.get(key) ?? null,
  setItem: (key: string, value: string) => storedItems.set(key, value),
  removeItem: (key: string) => storedItems.delete(key),
}
Object.assign(globalThis, { localStorage: storage, sessionStorage: storage })
