/** Installs an in-memory storage in place of localStorage and sessionStorage. */
export const storedItems = new Map<string, string>()

let isFull = false

/** Makes the storage reject all writes. */
export function setStorageFull(full: boolean): void {
  isFull = full
}

const storage = {
  get length() {
    return storedItems.size
  },
  key: (index: number) => [...storedItems.keys()][index] ?? null,
  getItem: (key: string) => storedItems.get(key) ?? null,
  setItem: (key: string, value: string) => {
    if (isFull) throw new DOMException('full', 'QuotaExceededError')
    storedItems.set(key, value)
  },
  removeItem: (key: string) => storedItems.delete(key),
}
Object.assign(globalThis, { localStorage: storage, sessionStorage: storage })
