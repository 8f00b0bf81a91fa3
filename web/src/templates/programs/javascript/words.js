// title: Count words
// about: Reads all of its input
const text = require('node:fs').readFileSync(0, 'utf8')
const counts = new Map()
for (const [word] of text.toLowerCase().matchAll(/\p{L}+/gu)) {
  counts.set(word, (counts.get(word) ?? 0) + 1)
}
const top = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 10)
for (const [word, count] of top) console.log(String(count).padStart(4), word)
